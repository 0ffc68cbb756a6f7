"""Writes dpo_tiny.json: what TRL's DPOTrainer logs at every step of full fp32 training on tiny/.

  make_dpo.py

Rows are text, so that the tokens of prompt and completions, their end of sequence and the cut between
them take part in the comparison. The runs differ in their loss; the configuration of each is recorded
under TRL's names, which are ours. tests/golden/train/README.md says more.
"""

import json
import os
import random
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import torch  # noqa: E402  (reads the variables above)
import transformers  # noqa: E402
import trl  # noqa: E402
from datasets import Dataset  # noqa: E402
from transformers import TrainerCallback  # noqa: E402
from trl import DPOConfig, DPOTrainer  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = ["a", "the", "yes", "no", "maybe", "then", "that", "than", "say", "not"]
SHARED = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "learning_rate": 2e-3,
          "warmup_steps": 2, "train_sampling_strategy": "sequential", "seed": 42, "beta": 0.1}
LOGGED = ("loss", "grad_norm", "learning_rate", "rewards/chosen", "rewards/rejected", "rewards/accuracies",
          "rewards/margins", "logps/chosen", "logps/rejected", "logits/chosen", "logits/rejected", "entropy",
          "mean_token_accuracy", "num_tokens")
# The sorted losses of TRL see a batch, ours a step: there a step is one batch.
ONE_BATCH = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 1}
RUNS = {
    "sigmoid": {"max_steps": 20},
    "ipo": {"max_steps": 20, "loss_type": ["ipo"], "learning_rate": 5e-4},
    "mpo": {"max_steps": 5, "loss_type": ["sigmoid", "bco_pair", "sft"], "loss_weights": [0.8, 0.2, 1.0],
            **ONE_BATCH},
    "aot": {"max_steps": 5, "loss_type": ["aot"], **ONE_BATCH},
    "aot_unpaired": {"max_steps": 5, "loss_type": ["aot_unpaired"], **ONE_BATCH},
    "weighted": {"max_steps": 5, "use_weighting": True},
    "length_desensitised": {"max_steps": 5, "ld_alpha": 0.4},
    "js_divergence": {"max_steps": 5, "f_divergence_type": "js_divergence"},
    "moving_reference": {"max_steps": 6, "sync_ref_model": True, "ref_model_sync_steps": 2,
                         "ref_model_mixup_alpha": 0.6},
}


def answer(generator, count):
    return " " + " ".join(generator.choice(WORDS) for _ in range(count))


def rows():
    """Pairs of ragged lengths; the chosen side has a learnable bias, the word yes."""
    generator = random.Random(5)
    result = []
    for index in range(24):
        prompt = "say " + " ".join(generator.choice(WORDS) for _ in range(1 + index % 5)) + ":"
        chosen = answer(generator, 2 + index % 4) + " yes"
        result.append({"prompt": prompt, "chosen": chosen, "rejected": answer(generator, 1 + (index * 3) % 7)})
    return result


class Recorder(TrainerCallback):
    def __init__(self):
        self.steps = []

    def on_log(self, _args, _state, _control, logs=None, **_):
        if "loss" in (logs or {}):
            self.steps.append({name: logs[name] for name in LOGGED})


def train(data, options):
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as output:
        config = DPOConfig(output_dir=output, report_to=[], save_strategy="no", logging_steps=1, bf16=False,
                           disable_tqdm=True, use_cpu=True, gradient_checkpointing=False,
                           model_init_kwargs={"dtype": "float32"}, **{**SHARED, **options})
        DPOTrainer(model=os.path.join(HERE, "tiny"), args=config, callbacks=[recorder],
                   train_dataset=Dataset.from_list(data)).train()
    return recorder.steps


def main():
    data = rows()
    runs = []
    for name, options in RUNS.items():
        steps = train(data, options)
        assert len(steps) == options["max_steps"], len(steps)
        runs.append({"name": name, "config": {**SHARED, **options}, "steps": steps})
        print(name, [round(step["loss"], 5) for step in steps], flush=True)
    golden = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__,
                           "trl": trl.__version__}, "rows": data, "runs": runs}
    with open(os.path.join(HERE, "dpo_tiny.json"), "w") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
