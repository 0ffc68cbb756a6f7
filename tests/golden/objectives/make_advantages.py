"""Writes advantages.json: what TRL's GRPO and RLOO trainers make of rewards (advantages) and of
log-probabilities from another sampler (importance weights).

  make_advantages.py [output]

_generate_and_score_completions of both is called on a stand-in `self` that generates fixed
completions, scores them with fixed rewards and has fixed log-probabilities.
"""

from collections import defaultdict
from types import SimpleNamespace

import torch
from stand_in import Model, listed, metrics_of, normal, packed, trainer, write
from trl import GRPOTrainer, RLOOTrainer

LENGTHS = [5, 1, 4, 3, 2, 6, 3, 1]
GENERATIONS = 4
MASK = (torch.arange(6)[None] < torch.tensor(LENGTHS)[:, None]).long()
REWARDS = torch.tensor([0.3, -1.2, 2.0, 0.3, 1.0, 1.0, 1.0, 1.0])
OLD = normal(8, 6, mean=-1.0, spread=0.5)
SAMPLER = OLD + normal(8, 6, spread=0.6)
REFERENCE = OLD + normal(8, 6, spread=0.4)


def rollout_trainer(**attributes):
    """Two prompts of four completions; the second prompt's rewards are equal."""
    policy, reference = Model(), Model()
    completions = [[7] * length for length in LENGTHS]
    values = {id(policy): OLD, id(reference): REFERENCE}
    logs = {"prompt": [], "completion": [], "rewards": defaultdict(list), "advantages": [], "extra": defaultdict(list)}
    sampled = [SAMPLER[row, :length].tolist() for row, length in enumerate(LENGTHS)]
    return trainer(
        policy, ref_model=reference, environment_factories=None, tools=None, environments=None, _is_vlm=False,
        _tokenizer=SimpleNamespace(pad_token_id=0), pad_to_multiple_of=None, mask_truncated_completions=False,
        args=SimpleNamespace(per_device_train_batch_size=8, gradient_checkpointing_kwargs=None, steps_per_generation=1,
                             gradient_accumulation_steps=1),
        num_iterations=1, num_generations=GENERATIONS, reward_weights=torch.ones(1), reward_func_names=["fixed"],
        reward_funcs=[None], _logs=logs, _pending_extra_logs={}, _pending_metrics={}, _completions=completions,
        _calculate_rewards=lambda *args: REWARDS[:, None].clone(), _sampled=sampled,
        _get_per_token_logps_and_entropies=lambda model, *args, **kwargs: (values[id(model)], None, None), **attributes)


def grpo(scale, beta=0.0, mode=None, low=None, high=3.0):
    stand_in = rollout_trainer(
        beta=beta, scale_rewards=scale, multi_objective_aggregation="sum_then_normalize", use_vllm=mode is not None,
        vllm_importance_sampling_correction=True, vllm_importance_sampling_mode=mode,
        vllm_importance_sampling_clip_min=low, vllm_importance_sampling_clip_max=high)
    prompts = [[5, 6]] * 8
    stand_in._generate = lambda _: (prompts, stand_in._completions, None, ["x"] * 8, stand_in._sampled, {}, None, None)
    out = GRPOTrainer._generate_and_score_completions(stand_in, [{"prompt": "p"}] * 8)
    return out, metrics_of(stand_in, ["reward", "reward_std", "frac_reward_zero_std"])


def rloo(beta, normalise):
    stand_in = rollout_trainer(beta=beta, normalize_advantages=normalise, reward_clip_range=None)
    stand_in._generate = lambda _: ([[5, 6]] * 8, stand_in._completions, ["x"] * 8)
    out = RLOOTrainer._generate_and_score_completions(stand_in, [{"prompt": "p"}] * 8)
    return {"beta": beta, "normalise": normalise, "advantages": listed(out["advantages"]),
            "metrics": metrics_of(stand_in, ["kl"])}


def importance(mode, low, high):
    ratio = grpo("group", mode=mode, low=low, high=high)[0]["importance_sampling_ratio"]
    return {"mode": mode, "low": low, "high": high, "weights": packed(ratio.expand(8, 6), MASK)}


def main():
    scales = []
    for scale in ("group", "batch", "none"):
        out, metrics = grpo(scale)
        scales.append({"scale": scale, "advantages": listed(out["advantages"]), "metrics": metrics})
    bounds = [("token_truncate", 0.5, 1.4), ("token_mask", 0.5, 1.4), ("sequence_truncate", 0.5, 2.0),
              ("sequence_mask", None, 3.0)]
    write("advantages.json", {
        "lengths": LENGTHS, "generations": GENERATIONS, "rewards": listed(REWARDS), "old": packed(OLD, MASK),
        "sampler": packed(SAMPLER, MASK), "reference": packed(REFERENCE, MASK), "grpo": scales,
        "rloo": [rloo(beta, normalise) for beta in (0.0, 0.05) for normalise in (False, True)],
        "importance": [importance(*case) for case in bounds]})


if __name__ == "__main__":
    main()
