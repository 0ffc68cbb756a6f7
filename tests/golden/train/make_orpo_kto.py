"""Writes the trajectories of ORPO, CPO, SimPO and KTO: every step's loss and gradient norm of TRL's trainers, full fp32.

  make_orpo_kto.py

The model is tiny/. Rows are recorded as texts; prompts of pairs begin with <s>, which TRL's ORPO and CPO trainers add
to every row, whatever the tokenizer does. KTO's mismatched completions are those of TRL: the completion of the row before, the first row of a
block of per_device_train_batch_size rows gets the block's last. Losses are taken where compute_loss returns them,
since logs round.
"""

import json
import os
import pathlib
import tempfile

import torch
import transformers
import trl
from datasets import Dataset
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer

HERE = pathlib.Path(__file__).parent
WORDS = ["yes", "no", "maybe", "the end", "a way", "then", "that is so", "why not"]
STEPS, BATCH = 20, 4
COMMON = {"max_steps": STEPS, "per_device_train_batch_size": BATCH, "learning_rate": 3e-3, "warmup_steps": 2,
          "lr_scheduler_type": "linear", "weight_decay": 0.0, "train_sampling_strategy": "sequential",
          "max_length": 64}
RUN = {"logging_steps": 1, "report_to": [], "save_strategy": "no", "use_cpu": True, "bf16": False, "seed": 7,
       "disable_tqdm": True, "gradient_checkpointing": False}


def text(seed, length):
    return " " + " ".join(WORDS[(seed * 5 + k * k + k) % len(WORDS)] for k in range(length))


def pairs(count):
    return [{"prompt": f"<s>say {WORDS[i % 8]} {i}:", "chosen": text(i, 1 + i % 4), "rejected": text(i + 3, 1 + (i * 3) % 5)}
            for i in range(count)]


def judged(count):
    return [{"prompt": f"say {WORDS[i % 8]} {i}:", "completion": text(i, 1 + i % 5), "label": i % 5 in (0, 2, 3)}
            for i in range(count)]


def tiny():
    model = AutoModelForCausalLM.from_pretrained(HERE / "tiny", dtype=torch.float32)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(HERE / "tiny")
    tokenizer.pad_token = "<unk>"
    return model, tokenizer


def recording(kind):
    class Recorder(kind):
        def compute_loss(self, *words, **settings):
            loss = super().compute_loss(*words, **settings)
            self.losses.append(float(loss.detach()))
            return loss
    return Recorder


def train(name, kind, config, options, rows):
    model, tokenizer = tiny()
    with tempfile.TemporaryDirectory() as folder:
        extra = {"ref_model": tiny()[0]} if kind is KTOTrainer else {}
        trainer = recording(kind)(model=model, args=config(output_dir=folder, **COMMON, **RUN, **options),
                                  train_dataset=Dataset.from_list(rows), processing_class=tokenizer, **extra)
        trainer.losses = []
        trainer.train()
    history = [entry for entry in trainer.state.log_history if "grad_norm" in entry]
    assert len(history) == len(trainer.losses) == STEPS
    steps = []
    for loss, entry in zip(trainer.losses, history):
        metrics = {k: v for k, v in entry.items() if "/" in k or k in ("kl", "nll_loss", "log_odds_ratio", "log_odds_chosen")}
        steps.append({"loss": loss, "grad_norm": entry["grad_norm"], "learning_rate": entry["learning_rate"], **metrics})
    golden = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__, "trl": trl.__version__},
              "config": {**COMMON, **options}, "rows": rows, "steps": steps}
    with open(HERE / name, "w") as file:
        json.dump(golden, file)
        file.write("\n")
    print(name, steps[0], steps[-1], flush=True)


torch.manual_seed(0)
os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
train("orpo_tiny.json", ORPOTrainer, ORPOConfig, {"beta": 0.25}, pairs(24))
train("cpo_tiny.json", CPOTrainer, CPOConfig, {"beta": 0.1, "loss_type": "sigmoid", "cpo_alpha": 0.7}, pairs(24))
train("simpo_tiny.json", CPOTrainer, CPOConfig,
      {"beta": 2.0, "loss_type": "simpo", "cpo_alpha": 0.0, "simpo_gamma": 0.8}, pairs(24))
train("kto_tiny.json", KTOTrainer, KTOConfig, {"beta": 0.3, "desirable_weight": 1.2}, judged(24))
