"""Full fine-tuning with TRL's SFTTrainer, timed step by step: trl_sft.py MODEL ROWS OPTIONS, where
OPTIONS is JSON for SFTConfig. The last line of output is JSON with one list entry a step."""

import json
import os
import sys
import tempfile
import time

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import torch  # noqa: E402  (reads the variables above)
from datasets import load_dataset  # noqa: E402
from transformers import TrainerCallback  # noqa: E402
from trl import SFTConfig, SFTTrainer  # noqa: E402


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
        while len(self.counts) <= self.state.global_step:
            self.counts.append({"tokens": 0, "padded_tokens": 0, "trained_tokens": 0,
                                "attention_pairs": 0})
        count, lengths = self.counts[self.state.global_step], sequence_lengths(inputs)
        count["tokens"] += sum(lengths)
        count["padded_tokens"] += inputs["input_ids"].numel()
        count["trained_tokens"] += int((inputs["labels"] != -100).sum())
        count["attention_pairs"] += sum(length * (length + 1) // 2 for length in lengths)
        return super().training_step(model, inputs, *arguments, **options)


class Clock(TrainerCallback):
    def __init__(self):
        self.seconds, self.losses, self.norms = [], [], []

    def on_train_begin(self, *_, **__):
        self.last = time.perf_counter()

    def on_step_end(self, *_, **__):
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now

    def on_log(self, _args, _state, _control, logs=None, **_):
        if "loss" in (logs or {}):
            self.losses.append(logs["loss"])
            self.norms.append(logs["grad_norm"])


def main():
    model, rows, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    clock = Clock()
    with tempfile.TemporaryDirectory() as output:
        config = SFTConfig(output_dir=output, report_to=[], save_strategy="no", logging_steps=1,
                           disable_tqdm=True, use_cpu=True,
                           model_init_kwargs={"dtype": "float32"}, **options)
        trainer = Measured(model=model, args=config, callbacks=[clock],
                           train_dataset=load_dataset("json", data_files=rows, split="train",
                                                      cache_dir=output))
        trainer.train()
    figures = {"seconds": clock.seconds, "loss": clock.losses, "grad_norm": clock.norms}
    for name in trainer.counts[0]:
        figures[name] = [count[name] for count in trainer.counts]
    print(json.dumps({**figures, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
