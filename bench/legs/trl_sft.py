"""Full fine-tuning with TRL's SFTTrainer, timed step by step: trl_sft.py MODEL ROWS OPTIONS, where
OPTIONS is JSON for SFTConfig. The last line of output is JSON with one list entry a step."""

import json
import sys

import trl_clock
from trl import SFTConfig, SFTTrainer


def sequence_lengths(inputs):
    """Of every sequence in a batch, padding left out; packed ones restart their positions."""
    if "attention_mask" in inputs:
        return inputs["attention_mask"].sum(1).tolist()
    positions = inputs["position_ids"].flatten()
    end = int(positions.nonzero()[-1]) + 1  # what follows has position 0: padding
    starts = (positions[:end] == 0).nonzero().flatten().tolist()
    return [stop - begin for begin, stop in zip(starts, starts[1:] + [end])]


class Measured(SFTTrainer):
    """Counts what each step sees."""

    def __init__(self, *arguments, **options):
        self.counts = []
        super().__init__(*arguments, **options)

    def training_step(self, model, inputs, *arguments, **options):
        lengths = sequence_lengths(inputs)
        trl_clock.add(trl_clock.at_step(self.counts, self), tokens=sum(lengths),
                      padded_tokens=inputs["input_ids"].numel(),
                      trained_tokens=int((inputs["labels"] != -100).sum()),
                      attention_pairs=sum(length * (length + 1) // 2 for length in lengths))
        return super().training_step(model, inputs, *arguments, **options)


def main():
    model, rows, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    trainer, clock = trl_clock.run(Measured, SFTConfig, model, rows, {**trl_clock.FP32, **options})
    trl_clock.say(clock, trainer.counts, loss=clock.column("loss"),
                  grad_norm=clock.column("grad_norm"))


if __name__ == "__main__":
    main()
