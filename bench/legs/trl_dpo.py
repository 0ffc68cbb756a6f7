"""DPO with TRL's DPOTrainer, timed step by step: trl_dpo.py MODEL ROWS OPTIONS [ADAPTER], where OPTIONS is
JSON for DPOConfig and ADAPTER a PEFT folder to go on training. The last line of output is JSON with one
list entry a step; "reference_seconds" is what a precomputed reference took."""

import json
import os
import sys
import tempfile
import time

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import torch  # noqa: E402  (reads the variables above)
from datasets import load_dataset  # noqa: E402
from transformers import AutoModelForCausalLM, TrainerCallback  # noqa: E402
from trl import DPOConfig, DPOTrainer  # noqa: E402


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
        while len(self.counts) <= self.state.global_step:
            self.counts.append({"tokens": 0, "padded_tokens": 0, "pairs": 0})
        count = self.counts[self.state.global_step]
        count["tokens"] += int(inputs["attention_mask"].sum())
        count["padded_tokens"] += inputs["input_ids"].numel()
        count["pairs"] += inputs["input_ids"].shape[0] // 2
        return super().training_step(model, inputs, *arguments, **options)


class Clock(TrainerCallback):
    def __init__(self):
        self.seconds, self.logs = [], []

    def on_train_begin(self, *_, **__):
        self.last = time.perf_counter()

    def on_step_end(self, *_, **__):
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now

    def on_log(self, _args, _state, _control, logs=None, **_):
        if "loss" in (logs or {}):
            self.logs.append(logs)


def policy(model, adapter):
    if adapter is None:
        return model
    from peft import PeftModel
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    return PeftModel.from_pretrained(base, adapter, is_trainable=True)


def main():
    model, rows, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    adapter = sys.argv[4] if len(sys.argv) > 4 else None
    if adapter is None:
        options["model_init_kwargs"] = {"dtype": "float32"}
    clock = Clock()
    with tempfile.TemporaryDirectory() as output:
        config = DPOConfig(output_dir=output, report_to=[], save_strategy="no", logging_steps=1,
                           disable_tqdm=True, use_cpu=True, **options)
        trainer = Measured(model=policy(model, adapter), args=config, callbacks=[clock],
                           train_dataset=load_dataset("json", data_files=rows, split="train",
                                                      cache_dir=output))
        trainer.train()
    figures = {"seconds": clock.seconds, "reference_seconds": trainer.reference_seconds,
               "loss": [log["loss"] for log in clock.logs],
               "grad_norm": [log["grad_norm"] for log in clock.logs],
               "margins": [log["rewards/margins"] for log in clock.logs]}
    for name in trainer.counts[0]:
        figures[name] = [count[name] for count in trainer.counts]
    print(json.dumps({**figures, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
