"""What the legs with TRL share: a trainer of its, run on a file of rows and timed step by step."""

import json
import os
import tempfile
import time

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import torch  # noqa: E402  (reads the variables above)
from datasets import load_dataset  # noqa: E402
from transformers import TrainerCallback  # noqa: E402

FP32 = {"model_init_kwargs": {"dtype": "float32"}}


class Clock(TrainerCallback):
    """Seconds of each step, from the end of the one before, and what the trainer said of it."""

    def __init__(self):
        self.seconds, self.logs = [], []

    def on_train_begin(self, *_, **__):
        self.last = time.perf_counter()

    def on_step_end(self, *_, **__):
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now

    def on_log(self, _args, _state, _control, logs=None, **_):
        if "train_runtime" not in (logs or {}):
            self.logs.append(logs)

    def column(self, name):
        return [log[name] for log in self.logs]


def run(trainer_class, config_class, model, rows, options, **more):
    """The trainer after its training, and the clock."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as output:
        config = config_class(output_dir=output, report_to=[], save_strategy="no", logging_steps=1,
                              disable_tqdm=True, use_cpu=True, **options)
        data = load_dataset("json", data_files=rows, split="train", cache_dir=output)
        trainer = trainer_class(model=model, args=config, train_dataset=data, callbacks=[clock],
                                **more)
        trainer.train()
    return trainer, clock


def at_step(counts, trainer):
    """The dictionary of the step in work in a list of one for each."""
    while len(counts) <= trainer.state.global_step:
        counts.append({})
    return counts[trainer.state.global_step]


def add(count, **values):
    for name, value in values.items():
        count[name] = count.get(name, 0) + value


def say(clock, counts, **figures):
    """The leg's last line of output: a list entry a step."""
    for name in counts[0]:
        figures[name] = [count[name] for count in counts]
    print(json.dumps({"seconds": clock.seconds, **figures, "threads": torch.get_num_threads()}))
