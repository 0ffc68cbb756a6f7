"""Writes objectives.json: losses, gradients and metrics of TRL's own trainer code on fabricated
log-probabilities, ragged lengths, fp32.

  make_objectives.py [output]

The trainers' methods (DPOTrainer._compute_loss, KTOTrainer._compute_loss, RewardTrainer.compute_loss,
CPOTrainer.cpo_loss, ORPOTrainer.odds_ratio_loss, GRPOTrainer._compute_loss, RLOOTrainer._compute_loss)
are called on a stand-in `self` whose model returns the fabricated values, so that no network takes
part. Gradients are with respect to the values recorded as inputs. BCO is no longer in this
version of TRL: make_bco.py.
"""

from types import SimpleNamespace

import torch
from stand_in import Accelerator, Model, listed, metrics_of, normal, packed, trainer, uniform, write
from trl import DPOTrainer, GRPOTrainer, KTOTrainer, RewardTrainer, RLOOTrainer
from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer

def completion_mask(prompts, completions):
    width = max(p + c for p, c in zip(prompts, completions))
    mask = torch.zeros(len(prompts), width, dtype=torch.long)
    for row, (p, c) in enumerate(zip(prompts, completions)):
        mask[row, p:p + c] = 1
    return mask


def token_outputs(mask, mean, spread):
    """Per-token values of a model over shifted positions, zero outside of completions."""
    shifted = mask[:, 1:]
    shape = shifted.shape
    log_probs = (normal(*shape, mean=mean, spread=spread).clamp(max=-0.01) * shifted).requires_grad_(True)
    return SimpleNamespace(log_probs=log_probs, entropy=torch.zeros(shape), mean_logits=torch.zeros(shape),
                           is_top1=torch.zeros(shape, dtype=torch.bool),
                           log_sum_sq_probs=normal(*shape, mean=-1.0, spread=0.2) * shifted)


def first_tokens(mask):
    return mask[:, 1:].argmax(dim=1)


def dpo_inputs():
    pairs = 5
    prompts = [3, 2, 5, 1, 4] * 2
    completions = [4, 9, 1, 6, 7, 8, 2, 5, 6, 3]
    mask = completion_mask(prompts, completions)
    outputs = token_outputs(mask, mean=-1.2, spread=0.8)
    log_probs = outputs.log_probs.detach()
    position = mask[:, 1:].cumsum(1)
    shared = torch.minimum(mask.sum(1)[:pairs], mask.sum(1)[pairs:]).repeat(2)
    is_shared = (position > 0) & (position <= shared[:, None])
    reference = log_probs.sum(1) + normal(2 * pairs, spread=3.0)
    aligned = ((log_probs - outputs.log_sum_sq_probs) * mask[:, 1:]).sum(1) / mask[:, 1:].sum(1)
    return SimpleNamespace(pairs=pairs, mask=mask, outputs=outputs, reference=reference, aligned=aligned,
                           tokens=mask.sum(1), policy=log_probs.sum(1), shared=(log_probs * is_shared).sum(1))


def dpo_case(inputs, name, loss_types, weights=None, **changes):
    outputs = SimpleNamespace(**vars(inputs.outputs))
    outputs.log_probs = inputs.outputs.log_probs.detach().clone().requires_grad_(True)
    options = {"beta": 0.1, "label_smoothing": 0.0, "ld_alpha": None, "f_divergence_type": "reverse_kl",
               "f_alpha_divergence_coef": 0.5, "use_weighting": False} | changes
    stand_in = trainer(Model(outputs), loss_types=loss_types, loss_weights=weights or [1.0] * len(loss_types),
                       precompute_ref_logps=True, args=SimpleNamespace(discopop_tau=0.05), **options)
    mask, pairs = inputs.mask, inputs.pairs
    batch = {"input_ids": torch.zeros_like(mask), "attention_mask": torch.ones_like(mask), "completion_mask": mask,
             "ref_chosen_logps": inputs.reference[:pairs], "ref_rejected_logps": inputs.reference[pairs:]}
    loss = DPOTrainer._compute_loss(stand_in, Model(outputs), batch, False)
    loss.backward()
    # The first token of a completion is always in its shared part: d loss / d sum.
    gradient = outputs.log_probs.grad.gather(1, first_tokens(mask)[:, None]).squeeze(1)
    rewards = [f"rewards/{kind}" for kind in ("chosen", "rejected", "accuracies", "margins")]
    return {"name": name, "loss_types": loss_types, "weights": stand_in.loss_weights, **options,
            "loss": loss.item(), "gradient": listed(gradient), "metrics": metrics_of(stand_in, rewards)}


def dpo():
    inputs = dpo_inputs()
    smooth = {"label_smoothing": 0.1}
    cases = [dpo_case(inputs, kind, [kind], **(smooth if kind in ("exo_pair", "robust") else {}))
             for kind in ("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot",
                          "aot_unpaired", "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm")]
    cases += [dpo_case(inputs, f"{kind} smoothed", [kind], **smooth) for kind in ("sigmoid", "aot", "aot_unpaired")]
    cases += [dpo_case(inputs, f"{kind} {divergence}", [kind], f_divergence_type=divergence)
              for kind in ("sigmoid", "ipo", "sigmoid_norm")
              for divergence in ("forward_kl", "js_divergence", "alpha_divergence")]
    cases += [dpo_case(inputs, "ld", ["sigmoid"], ld_alpha=0.4), dpo_case(inputs, "beta", ["sigmoid"], beta=0.5),
              dpo_case(inputs, "weighted", ["sigmoid"], use_weighting=True),
              dpo_case(inputs, "mpo", ["sigmoid", "bco_pair", "sft"], [0.8, 0.2, 1.0])]
    return {"policy": listed(inputs.policy), "reference": listed(inputs.reference), "shared": listed(inputs.shared),
            "tokens": inputs.tokens.tolist(), "aligned": listed(inputs.aligned), "pairs": inputs.pairs, "cases": cases}


def kto():
    completions = [4, 9, 1, 6, 7, 3]
    mask = completion_mask([2, 1, 3, 4, 2, 5], completions)
    base = token_outputs(mask, mean=-1.2, spread=0.8)
    label = torch.tensor([True, False, True, True, False, False])
    policy = base.log_probs.detach().sum(1)
    reference = policy + normal(6, spread=2.0)
    kl_policy = normal(6, mean=-15.0, spread=2.0)
    result = {"policy": listed(policy), "reference": listed(reference), "desirable": label.tolist(), "cases": []}
    for name, loss_type, shift in (("kto", "kto", 0.7), ("kto clamped", "kto", -3.0),
                                   ("apo_zero_unpaired", "apo_zero_unpaired", 0.0)):
        outputs = SimpleNamespace(**vars(base))
        outputs.log_probs = base.log_probs.detach().clone().requires_grad_(True)
        kl_reference = kl_policy - shift + torch.linspace(-0.5, 0.5, 6)
        stand_in = trainer(Model(outputs), loss_type=loss_type, beta=0.1, desirable_weight=1.3,
                           undesirable_weight=0.8, precompute_ref_logps=True, calculate_KL=loss_type == "kto",
                           _compute_kl_logps=lambda model, batch: kl_policy)
        batch = {"input_ids": torch.zeros_like(mask), "attention_mask": torch.ones_like(mask), "label": label,
                 "completion_mask": mask, "ref_logps": reference, "ref_KL_logps": kl_reference}
        loss = KTOTrainer._compute_loss(stand_in, Model(outputs), batch, False)
        loss.backward()
        gradient = outputs.log_probs.grad.gather(1, first_tokens(mask)[:, None]).squeeze(1)
        rewards = [f"rewards/{kind}" for kind in ("chosen", "rejected", "margins")] + ["kl"]
        result["cases"].append({"name": name, "loss_type": loss_type, "beta": 0.1, "desirable_weight": 1.3,
                                "undesirable_weight": 0.8, "kl_log_ratios": listed(kl_policy - kl_reference),
                                "loss": loss.item(), "gradient": listed(gradient),
                                "metrics": metrics_of(stand_in, rewards)})
    return result


def batch_log_probs(owner, average):
    """TRL's own reduction of logits to one number a completion, and the sums behind it."""
    rows, width, vocabulary = 8, 9, 7
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(rows, width, vocabulary, generator=generator) * 2
    labels = torch.randint(vocabulary, (rows, width), generator=generator)
    for row, (prompt, completion) in enumerate(zip([2, 1, 3, 1] * 2, [4, 7, 1, 2, 6, 3, 5, 8])):
        labels[row, :prompt] = -100
        labels[row, prompt + completion:] = -100
    return (owner.get_batch_logps(logits, labels, average_log_prob=average),
            owner.get_batch_logps(logits, labels, average_log_prob=False), (labels[:, 1:] != -100).sum(1))


def reference_free(method, owner, average, **attributes):
    values, sums, tokens = batch_log_probs(owner, average)
    values = values.clone().requires_grad_(True)
    out = method(SimpleNamespace(accelerator=Accelerator(), **attributes), values[:4], values[4:])
    out[0].mean().backward()
    gradient = values.grad / (tokens if average else 1)
    return {"sums": listed(sums), "tokens": tokens.tolist(), "losses": listed(out[0]),
            "chosen_rewards": listed(out[1]), "rejected_rewards": listed(out[2]), "gradient": listed(gradient)}, out


def cpo():
    cases = []
    for loss_type, changes in (("sigmoid", {}), ("sigmoid", {"label_smoothing": 0.1}), ("hinge", {}), ("ipo", {}),
                               ("simpo", {"beta": 2.0}), ("simpo", {"beta": 2.0, "label_smoothing": 0.1}),
                               ("simpo", {"beta": 2.5, "simpo_gamma": 1.5, "alpha": 0.25}),
                               ("simpo", {"beta": 2.0, "alpha": -0.5})):
        options = {"beta": 0.1, "label_smoothing": 0.0, "simpo_gamma": 0.5, "alpha": 0.0} | changes
        case, _ = reference_free(CPOTrainer.cpo_loss, CPOTrainer, loss_type in ["ipo", "simpo"], loss_type=loss_type,
                                 **options)
        cases.append({"loss_type": loss_type, **options, **case})
    return cases


def orpo():
    case, out = reference_free(ORPOTrainer.odds_ratio_loss, ORPOTrainer, True, beta=0.1)
    # The trainer's loss is the nll minus this: the sign is ours.
    return {"beta": 0.1, **case, "log_odds_ratio": out[3].item(), "log_odds_chosen": out[4].item()}


def reward():
    cases = []
    scores = normal(10, spread=1.5)
    for coefficient, margin in ((None, None), (0.01, None), (None, [0.0, 0.5, 1.0, 0.25, 2.0]), (0.3, [0.5] * 5)):
        logits = scores.clone().requires_grad_(True)
        model = Model(SimpleNamespace(logits=logits[:, None]))
        stand_in = trainer(model, args=SimpleNamespace(center_rewards_coefficient=coefficient))
        inputs = {"attention_mask": torch.ones(10, 3)}
        if margin:
            inputs["margin"] = torch.tensor(margin)
        loss = RewardTrainer.compute_loss(stand_in, model, inputs)
        loss.backward()
        cases.append({"center_rewards_coefficient": coefficient, "margin": margin, "loss": loss.item(),
                      "gradient": listed(logits.grad), "metrics": metrics_of(stand_in, ["accuracy", "margin"])})
    return {"scores": listed(scores), "cases": cases}


def rollouts():
    lengths = [5, 1, 8, 3, 6, 2]
    mask = (torch.arange(8)[None] < torch.tensor(lengths)[:, None]).long()
    log_probs = normal(6, 8, mean=-1.0, spread=0.5).clamp(max=-0.01)
    return SimpleNamespace(lengths=lengths, mask=mask, log_probs=log_probs,
                           old=log_probs + normal(6, 8, spread=0.25), reference=log_probs + normal(6, 8, spread=0.4),
                           correction=uniform(6, 8) * 2,
                           advantages=torch.tensor([1.2, -0.7, 0.4, -1.5, 0.9, -0.3]))


def grpo_case(r, name, **changes):
    options = {"loss_type": "grpo", "level": "token", "beta": 0.0, "epsilon": 0.2, "epsilon_high": 0.2, "delta": None,
               "corrected": False} | changes
    log_probs = r.log_probs.clone().requires_grad_(True)
    model = Model()
    stand_in = trainer(
        model, top_entropy_quantile=1.0, beta=options["beta"], loss_type=options["loss_type"],
        epsilon_low=options["epsilon"], epsilon_high=options["epsilon_high"], off_policy_mask_threshold=None,
        importance_sampling_level=options["level"], use_vllm=options["corrected"],
        vllm_importance_sampling_correction=options["corrected"], current_gradient_accumulation_steps=1,
        max_completion_length=16, _entropy_bonus_enabled=False,
        _get_per_token_logps_and_entropies=lambda *a, **k: (log_probs, torch.zeros_like(log_probs), None),
        args=SimpleNamespace(delta=options["delta"], steps_per_generation=1, use_bias_correction_kl=False))
    inputs = {"prompt_ids": torch.zeros(6, 2, dtype=torch.long), "prompt_mask": torch.ones(6, 2, dtype=torch.long),
              "completion_ids": torch.zeros_like(r.mask), "completion_mask": r.mask, "advantages": r.advantages,
              "old_per_token_logps": r.old, "ref_per_token_logps": r.reference,
              "importance_sampling_ratio": r.correction, "num_items_in_batch": r.mask.sum()}
    loss = GRPOTrainer._compute_loss(stand_in, model, inputs)
    loss.backward()
    names = ["kl", "clip_ratio/low_mean", "clip_ratio/high_mean", "cispo_clip_ratio"]
    return {"name": name, **options, "max_completion_length": 16, "loss": loss.item(),
            "gradient": packed(log_probs.grad, r.mask), "metrics": metrics_of(stand_in, names)}


def rloo_case(r):
    log_probs = r.log_probs.clone().requires_grad_(True)
    model = Model()
    stand_in = trainer(model, epsilon_low=0.2, epsilon_high=0.3,
                       _get_per_token_logps_and_entropies=lambda *a, **k: (log_probs, torch.zeros_like(log_probs), None))
    inputs = {"prompt_ids": torch.zeros(6, 2, dtype=torch.long), "prompt_mask": torch.ones(6, 2, dtype=torch.long),
              "completion_ids": torch.zeros_like(r.mask), "completion_mask": r.mask, "advantages": r.advantages,
              "old_logps": (r.old * r.mask).sum(1)}
    loss = RLOOTrainer._compute_loss(stand_in, model, inputs)
    loss.backward()
    return {"epsilon": 0.2, "epsilon_high": 0.3, "loss": loss.item(), "gradient": packed(log_probs.grad, r.mask),
            "metrics": metrics_of(stand_in, ["clip_ratio/low_mean", "clip_ratio/high_mean"])}


def group_policy():
    r = rollouts()
    cases = [grpo_case(r, kind, loss_type=kind) for kind in ("grpo", "dapo", "bnpo", "dr_grpo")]
    cases += [grpo_case(r, "cispo", loss_type="cispo", epsilon_high=1.2),
              grpo_case(r, "kl", loss_type="dapo", beta=0.04), grpo_case(r, "gspo", level="sequence"),
              grpo_case(r, "gspo kl", level="sequence", beta=0.04, loss_type="dapo"),
              grpo_case(r, "clip higher", loss_type="dapo", epsilon_high=0.28),
              grpo_case(r, "two-sided", loss_type="dapo", delta=1.25),
              grpo_case(r, "corrected", loss_type="dapo", corrected=True, beta=0.04)]
    return {"lengths": r.lengths, "log_probs": packed(r.log_probs, r.mask), "old": packed(r.old, r.mask),
            "reference": packed(r.reference, r.mask), "correction": packed(r.correction, r.mask),
            "advantages": listed(r.advantages), "cases": cases, "rloo": rloo_case(r)}


if __name__ == "__main__":
    write("objectives.json", {"dpo": dpo(), "kto": kto(), "cpo": cpo(), "orpo": orpo(), "reward": reward(),
                              "group_policy": group_policy()})
