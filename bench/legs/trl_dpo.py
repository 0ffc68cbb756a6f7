"""DPO with TRL's DPOTrainer, timed step by step: trl_dpo.py MODEL ROWS [ADAPTER] OPTIONS, where OPTIONS is
JSON for DPOConfig and ADAPTER a PEFT folder to go on training. The last line of output is JSON with one
list entry a step; "reference_seconds" is what a precomputed reference took."""

import json
import sys
import time

import trl_clock
import torch
from transformers import AutoModelForCausalLM
from trl import DPOConfig, DPOTrainer


class Measured(DPOTrainer):
    """Counts what each step sees, and the time that the precomputed reference takes."""

    def __init__(self, *arguments, **options):
        self.counts, self.reference_seconds = [], 0.0
        super().__init__(*arguments, **options)

    def _precompute_ref_logps(self, *arguments, **options):
        begin = time.perf_counter()
        result = super()._precompute_ref_logps(*arguments, **options)
        self.reference_seconds += time.perf_counter() - begin
        return result

    def training_step(self, model, inputs, *arguments, **options):
        trl_clock.add(trl_clock.at_step(self.counts, self),
                      tokens=int(inputs["attention_mask"].sum()),
                      padded_tokens=inputs["input_ids"].numel(),
                      pairs=inputs["input_ids"].shape[0] // 2)
        return super().training_step(model, inputs, *arguments, **options)


def with_adapter(model, adapter):
    from peft import PeftModel
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    return PeftModel.from_pretrained(base, adapter, is_trainable=True)


def main():
    model, rows, *adapter = sys.argv[1:-1]
    options = json.loads(sys.argv[-1])
    if adapter:
        model = with_adapter(model, adapter[0])
    else:
        options.update(trl_clock.FP32)
    trainer, clock = trl_clock.run(Measured, DPOConfig, model, rows, options)
    trl_clock.say(clock, trainer.counts, reference_seconds=trainer.reference_seconds,
                  loss=clock.column("loss"), grad_norm=clock.column("grad_norm"),
                  margins=clock.column("rewards/margins"))


if __name__ == "__main__":
    main()
