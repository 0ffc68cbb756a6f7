"""Writes ppo_tiny.json: the first PPO step of a plain double-precision implementation on tiny/, with frozen
rollouts, for four sets of conventions (losses.md, section 7).

  make_ppo.py

Everything is a loop over samples and tokens, one sequence a forward pass, without padding, packing or masks, so
that nothing is shared with what it checks. Policy, reference and value start from tiny/ with a fixed pattern added
to the weights: the reference differs from the policy, so that the KL counts. `kinds` below says what each case
covers. The version of Transformers only matters for Llama's forward pass.
"""

import json
import math
import os

import torch
import transformers
from transformers import LlamaForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
DOUBLE = torch.float64
WIDTH = 32


def patterned(scale, stretch):
    """tiny/ with scale * sin(stretch * i + length of the name) added to element i of each parameter."""
    model = LlamaForCausalLM.from_pretrained(os.path.join(HERE, "tiny"), dtype=torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            wave = torch.sin(torch.arange(parameter.numel(), dtype=DOUBLE) * stretch + len(name)) * scale
            parameter.copy_((parameter.double() + wave.view_as(parameter)).float())
    return model.to(DOUBLE).eval()


def head(scale):
    return (torch.sin(torch.arange(WIDTH, dtype=DOUBLE) * 0.9 + 1) * scale).float().double()


def rollouts():
    """Six prompts, answers of 1 to 8 tokens; those below 8 ended."""
    generator = torch.Generator().manual_seed(11)
    made = []
    for length in [3, 8, 5, 1, 8, 6]:
        prompt = torch.randint(3, 96, (int(torch.randint(2, 7, (1,), generator=generator)),), generator=generator)
        answer = torch.randint(3, 96, (length,), generator=generator).tolist()
        ended = length < 8
        if ended:
            answer[-1] = 2
        score = round(float(torch.randn(1, generator=generator)), 3)
        made.append({"prompt": prompt.tolist(), "answer": answer, "ended": ended, "score": score})
    return made


def states(trunk, row):
    ids = torch.tensor([row["prompt"] + row["answer"]])
    return trunk(ids).last_hidden_state[0]


def log_probs_and_entropy(model, row, temperature, hidden=None):
    hidden = states(model.model, row) if hidden is None else hidden
    start = len(row["prompt"])
    values, entropies = [], []
    for t, token in enumerate(row["answer"]):
        z = model.lm_head(hidden[start + t - 1]) / temperature
        log_p = z - torch.logsumexp(z, 0)
        values.append(log_p[token])
        entropies.append(-(log_p.exp() * log_p).sum().item())
    return values, entropies


def values_of(hidden, weight, row, positions):
    start = len(row["prompt"])
    return [torch.dot(hidden[start + t - 1], weight) for t in range(positions)]


def kl_term(kind, d):
    return {"k1": d, "k2": 0.5 * d * d, "k3": math.exp(-d) - 1 + d}[kind]


def whiten(rows, keep_mean, unbiased):
    flat = [x for row in rows for x in row]
    mean = sum(flat) / len(flat)
    variance = sum((x - mean) ** 2 for x in flat) / (len(flat) - (1 if unbiased else 0))
    scale = 1 / math.sqrt(variance + 1e-8)
    return [[(x - mean) * scale + (mean if keep_mean else 0) for x in row] for row in rows]


def ruled(score, ended, kind):
    clamp = kind.get("reward_clamp", 0)
    if clamp:
        score = max(-clamp, min(clamp, score))
    if ended or kind["eos_rule"] == "none":
        return score
    return kind["eos_penalty"] if kind["eos_rule"] == "replace" else score - kind["eos_penalty"]


def prepare(kind, rows, policy, reference, value, weight):
    """Old log-probs, values, rewards, advantages and returns of every sample."""
    prepared = []
    for row in rows:
        with torch.no_grad():
            old = [x.item() for x in log_probs_and_entropy(policy, row, kind["temperature"])[0]]
            ref = [x.item() for x in log_probs_and_entropy(reference, row, kind["temperature"])[0]]
            extra = kind["score_position"] == "eos_plus_1" and len(row["answer"]) < kind["response_length"]
            positions = len(old) + (1 if extra else 0)
            values = [x.item() for x in values_of(states(value.model, row), weight, row, positions)]
        rewards = [-kind["kl_coef"] * kl_term(kind["kl_estimator"], o - r) for o, r in zip(old, ref)]
        rewards += [0.0] * (positions - len(old))
        rewards[-1] += ruled(row["score"], row["ended"], kind)
        prepared.append({"old": old, "reference": ref, "values": values, "rewards": rewards})
    rewards = [p["rewards"] for p in prepared]
    if kind["whiten_rewards"]:
        rewards = whiten(rewards, True, kind["variance"] == "unbiased")
    for p, r in zip(prepared, rewards):
        advantage, following, advantages = 0.0, 0.0, []
        for t in reversed(range(len(r))):
            delta = r[t] + kind["gamma"] * following - p["values"][t]
            advantage = delta + kind["gamma"] * kind["lam"] * advantage
            following = p["values"][t]
            advantages.insert(0, advantage)
        p["returns"] = [a + v for a, v in zip(advantages, p["values"])]
        p["advantages"] = advantages[: len(p["old"])]
    for p, a in zip(prepared, whiten([p["advantages"] for p in prepared], False, kind["variance"] == "unbiased")):
        p["advantages"] = a
    return prepared


def losses(kind, rows, prepared, policy, value, weight):
    eps, eps_value = kind["cliprange"], kind["cliprange_value"]
    tokens = sum(len(p["old"]) for p in prepared)
    positions = sum(len(p["values"]) for p in prepared)
    sums = dict.fromkeys(["policy", "value", "approxkl", "clipfrac", "value_clipfrac", "ratio", "entropy"], 0.0)
    policy_loss, value_loss = 0.0, 0.0
    for row, p in zip(rows, prepared):
        hidden = states(policy.model, row)
        new, entropies = log_probs_and_entropy(policy, row, kind["temperature"], hidden)
        sums["entropy"] += sum(entropies) / tokens
        for t in range(len(new)):
            ratio = torch.exp(new[t] - p["old"][t])
            plain = -p["advantages"][t] * ratio
            clipped = -p["advantages"][t] * torch.clamp(ratio, 1 - eps, 1 + eps)
            policy_loss = policy_loss + torch.maximum(plain, clipped) / tokens
            sums["approxkl"] += 0.5 * (new[t].item() - p["old"][t]) ** 2 / tokens
            sums["clipfrac"] += float(clipped > plain) / tokens
            sums["ratio"] += ratio.item() / tokens
        trunk = hidden if value is policy else states(value.model, row)
        for t, v in enumerate(values_of(trunk, weight, row, len(p["values"]))):
            near = p["values"][t] + torch.clamp(v - p["values"][t], -eps_value, eps_value)
            plain, clipped = (v - p["returns"][t]) ** 2, (near - p["returns"][t]) ** 2
            value_loss = value_loss + 0.5 * torch.maximum(plain, clipped) / positions
            sums["value_clipfrac"] += float(clipped > plain) / positions
    sums["policy"], sums["value"] = policy_loss.item(), value_loss.item()
    return policy_loss + kind["vf_coef"] * value_loss, sums


def adam(parameters, moments, step, rate, epsilon, form):
    """Without weight decay; `form` says where epsilon stands (losses.md, section 15.1)."""
    with torch.no_grad():
        for parameter, (m, v) in zip(parameters, moments):
            m.mul_(0.9).add_(0.1 * parameter.grad)
            v.mul_(0.999).add_(0.001 * parameter.grad**2)
            first, second = 1 - 0.9**step, 1 - 0.999**step
            if form == "torch":
                parameter -= rate * (m / first) / ((v / second).sqrt() + epsilon)
            else:
                parameter -= rate * math.sqrt(second) / first * m / (v.sqrt() + epsilon)


def run(kind, rows):
    policy, reference, trunk = patterned(0.05, 0.37), patterned(0.0, 1.0), patterned(0.04, 0.53)
    value = policy if kind["value_source"] == "head" else trunk
    weight = head(0.2).requires_grad_(True)
    trained = list(policy.parameters()) + ([] if value is policy else list(value.model.parameters())) + [weight]
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in trained]
    prepared = prepare(kind, rows, policy, reference, value, weight)
    updates = []
    for epoch in range(kind["num_ppo_epochs"]):
        for parameter in trained:
            parameter.grad = None
        loss, sums = losses(kind, rows, prepared, policy, value, weight)
        loss.backward()
        norm = math.sqrt(sum((p.grad**2).sum().item() for p in trained))
        clip = kind["max_grad_norm"]
        if clip and norm > clip:
            for parameter in trained:
                parameter.grad *= clip / (norm + 1e-6)
        adam(trained, moments, epoch + 1, kind["learning_rate"], kind["adam_epsilon"], kind["adam_epsilon_form"])
        updates.append({"loss": loss.item(), "grad_norm": norm, **sums})
        print(kind["name"], updates[-1], flush=True)
    return {"config": kind, "samples": prepared, "updates": updates}


TRL = {"name": "trl", "value_source": "separate", "temperature": 0.7, "response_length": 8, "kl_coef": 0.05,
       "kl_estimator": "k1", "eos_rule": "subtract", "eos_penalty": 1.0, "score_position": "eos_plus_1",
       "variance": "unbiased", "whiten_rewards": False, "gamma": 1.0, "lam": 0.95, "cliprange": 0.2,
       "cliprange_value": 0.2, "vf_coef": 0.1, "num_ppo_epochs": 4, "learning_rate": 1e-3, "adam_epsilon": 1e-8,
       "adam_epsilon_form": "torch", "max_grad_norm": 0.0}
N_PLUS = {**TRL, "name": "n_plus", "eos_rule": "replace", "eos_penalty": -1.0, "variance": "biased",
          "adam_epsilon": 1e-5}
ZIEGLER = {**TRL, "name": "ziegler", "eos_rule": "none", "score_position": "eos", "variance": "biased",
           "whiten_rewards": True, "kl_coef": 0.15, "adam_epsilon": 1e-5, "adam_epsilon_form": "tf1"}
OTHER = {**TRL, "name": "other", "value_source": "head", "kl_estimator": "k3", "reward_clamp": 0.5, "gamma": 0.9,
         "lam": 0.8, "temperature": 1.0, "cliprange": 0.1, "cliprange_value": 0.05, "vf_coef": 0.5,
         "max_grad_norm": 0.5}


def main():
    rows = rollouts()
    golden = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__},
              "rollouts": rows, "cases": [run(kind, rows) for kind in (TRL, N_PLUS, ZIEGLER, OTHER)]}
    with open(os.path.join(HERE, "ppo_tiny.json"), "w") as file:
        json.dump(golden, file)
        file.write("\n")


main()
