"""Reward modelling with TRL's RewardTrainer, timed step by step: trl_reward.py MODEL ROWS OPTIONS, where
OPTIONS is JSON for RewardConfig. The last line of output is JSON with one list entry a step."""

import json
import os
import sys
import tempfile
import time

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import torch  # noqa: E402  (reads the variables above)
from datasets import load_dataset  # noqa: E402
from transformers import TrainerCallback  # noqa: E402
from trl import RewardConfig, RewardTrainer  # noqa: E402


class Measured(RewardTrainer):
    """Takes losses before logs round them, and counts the pairs of each step."""

    def __init__(self, *arguments, **options):
        self.losses, self.pairs = [], []
        super().__init__(*arguments, **options)

    def compute_loss(self, model, inputs, *arguments, **options):
        result = super().compute_loss(model, inputs, *arguments, **options)
        loss = result[0] if isinstance(result, tuple) else result
        while len(self.losses) <= self.state.global_step:
            self.losses.append(0.0)
            self.pairs.append(0)
        pairs = inputs["input_ids"].shape[0] // 2
        self.losses[self.state.global_step] += loss.item() * pairs
        self.pairs[self.state.global_step] += pairs
        return result


class Clock(TrainerCallback):
    def __init__(self):
        self.seconds, self.grad_norm = [], []

    def on_step_begin(self, *_, **__):
        self.begin = time.perf_counter()

    def on_step_end(self, *_, **__):
        self.seconds.append(time.perf_counter() - self.begin)

    def on_log(self, _args, _state, _control, logs=None, **__):
        if "grad_norm" in logs:
            self.grad_norm.append(logs["grad_norm"])


def main():
    model, rows, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    clock = Clock()
    with tempfile.TemporaryDirectory() as output:
        config = RewardConfig(output_dir=output, report_to=[], save_strategy="no", logging_steps=1,
                              disable_tqdm=True, use_cpu=True,
                              model_init_kwargs={"dtype": "float32"}, **options)
        trainer = Measured(model=model, args=config, callbacks=[clock],
                           train_dataset=load_dataset("json", data_files=rows, split="train",
                                                      cache_dir=output))
        trainer.train()
    print(json.dumps({"seconds": clock.seconds, "grad_norm": clock.grad_norm,
                      "pairs": trainer.pairs,
                      "loss": [total / pairs for total, pairs in zip(trainer.losses, trainer.pairs)],
                      "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
