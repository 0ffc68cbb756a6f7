"""Reward modelling with TRL's RewardTrainer, timed step by step: trl_reward.py MODEL ROWS OPTIONS, where
OPTIONS is JSON for RewardConfig. The last line of output is JSON with one list entry a step."""

import json
import sys

import trl_clock
from trl import RewardConfig, RewardTrainer


class Measured(RewardTrainer):
    """Takes losses before logs round them, and counts the pairs of each step."""

    def __init__(self, *arguments, **options):
        self.counts = []
        super().__init__(*arguments, **options)

    def compute_loss(self, model, inputs, *arguments, **options):
        result = super().compute_loss(model, inputs, *arguments, **options)
        loss = result[0] if isinstance(result, tuple) else result
        pairs = inputs["input_ids"].shape[0] // 2
        trl_clock.add(trl_clock.at_step(self.counts, self), pairs=pairs,
                      sum_of_losses=loss.item() * pairs)
        return result


def main():
    model, rows, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    trainer, clock = trl_clock.run(Measured, RewardConfig, model, rows,
                                   {**trl_clock.FP32, **options})
    trl_clock.say(clock, trainer.counts, grad_norm=clock.column("grad_norm"),
                  loss=[count["sum_of_losses"] / count["pairs"] for count in trainer.counts])


if __name__ == "__main__":
    main()
