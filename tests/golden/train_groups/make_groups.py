"""Writes groups.json: three updates of TRL's RLOOTrainer and GRPOTrainer on frozen rollouts.

The model is ../train/tiny, in fp32 with AdamW. What would be sampled is given (odd lengths, with and
without end of sequence), and so are its rewards; TRL computes old and reference log-probs, advantages
and three updates on the same answers (num_iterations 3): at the first all ratios are 1. For each
update its loss and the norm of its gradient; for the first also TRL's metrics.
"""

import json
import os
import tempfile

import torch
import transformers
import trl
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

HERE = os.path.dirname(os.path.abspath(__file__))
TINY = os.path.join(HERE, "..", "train", "tiny")
PROMPTS = ["the year ", "my"]
EOS, LIMIT, SAMPLES, RATE = 2, 9, 4, 5e-3
REWARDS = [1.0, 0.25, -0.5, 2.0, 0.0, 0.0, 1.5, -1.0]
METRICS = ["reward", "reward_std", "frac_reward_zero_std", "kl", "entropy", "clip_ratio/low_mean",
           "clip_ratio/low_min", "clip_ratio/high_mean", "clip_ratio/high_max",
           "clip_ratio/region_mean", "completions/mean_length", "completions/min_length",
           "completions/max_length", "completions/clipped_ratio",
           "completions/mean_terminated_length", "completions/min_terminated_length",
           "completions/max_terminated_length"]
CASES = {
    "rloo": {"beta": 0.05},
    "rloo_normalised": {"beta": 0.05, "normalize_advantages": True, "reward_clip_range": [-0.75, 1.25]},
    "grpo": {"loss_type": "grpo", "beta": 0.04},
    "grpo_plain_kl": {"loss_type": "grpo", "beta": 0.04, "use_bias_correction_kl": False},
    "dapo": {"loss_type": "dapo", "epsilon_high": 0.28},
    "dapo_masked": {"loss_type": "dapo", "mask_truncated_completions": True, "beta": 0.04},
    "bnpo_batch": {"loss_type": "bnpo", "scale_rewards": "batch"},
    "dr_grpo": {"loss_type": "dr_grpo", "scale_rewards": "none"},
    "gspo": {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon": 0.003,
             "epsilon_high": 0.004},
    "cispo": {"loss_type": "cispo", "epsilon_high": 1.2},
    "delta": {"loss_type": "dapo", "delta": 1.3},
}


def completions():
    generator = torch.Generator().manual_seed(3)
    rows = []
    for length in [3, LIMIT, 5, 7, LIMIT, 4, 6, 2]:
        ids = torch.randint(3, 85, (length,), generator=generator).tolist()
        rows.append(ids if length == LIMIT else ids[:-1] + [EOS])
    return rows


def frozen(base):
    class Frozen(base):
        def _generate_single_turn(self, prompt_ids, *args, **kwargs):
            rows = completions()
            return (rows, None) if base is GRPOTrainer else rows

        def _compute_loss(self, model, inputs):
            loss = super()._compute_loss(model, inputs)
            self.seen.append({"loss": loss.item()})
            return loss

        def training_step(self, *args, **kwargs):
            loss = super().training_step(*args, **kwargs)
            squares = sum(p.grad.double().pow(2).sum() for p in self.model.parameters())
            self.seen[-1]["grad_norm"] = squares.sqrt().item()
            if len(self.seen) == 1:
                self.first = {k: v[-1] for k, v in self._metrics["train"].items() if k in METRICS}
            return loss
    return Frozen


def run(name, options):
    rloo = name.startswith("rloo")
    config, base = (RLOOConfig, RLOOTrainer) if rloo else (GRPOConfig, GRPOTrainer)
    with tempfile.TemporaryDirectory() as folder:
        args = config(output_dir=folder, per_device_train_batch_size=len(REWARDS), max_steps=3,
                      num_iterations=3, num_generations=SAMPLES, max_completion_length=LIMIT,
                      learning_rate=RATE, lr_scheduler_type="constant", max_grad_norm=0.0,
                      optim="adamw_torch", bf16=False, use_cpu=True, shuffle_dataset=False,
                      gradient_checkpointing=False, report_to=[], save_strategy="no",
                      logging_steps=1, **options)
        trainer = frozen(base)(
            model=AutoModelForCausalLM.from_pretrained(TINY, dtype=torch.float32),
            reward_funcs=lambda completions, **_: REWARDS, args=args,
            train_dataset=Dataset.from_dict({"prompt": PROMPTS}),
            processing_class=AutoTokenizer.from_pretrained(TINY))
        trainer.seen = []
        trainer.train()
    return {"options": options, "updates": trainer.seen, "metrics": trainer.first}


def main():
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    golden = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__,
                           "trl": trl.__version__},
              "prompts": [tokenizer(prompt)["input_ids"] for prompt in PROMPTS],
              "completions": completions(), "rewards": REWARDS, "num_generations": SAMPLES,
              "max_completion_length": LIMIT, "learning_rate": RATE,
              "cases": {name: run(name, options) for name, options in CASES.items()}}
    with open(os.path.join(HERE, "groups.json"), "w") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


main()
