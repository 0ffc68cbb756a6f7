"""Writes the goldens of reward models: 20 steps of TRL's RewardTrainer in fp32 on the model of tiny/.

  make_reward.py          reward_pairs.json and reward_margins.json

TRL puts a random score head on a language model: its first values are recorded, and tests start from
them. Rows are recorded as ids (TRL's chosen_ids and rejected_ids). The pad token is <unk>: with TRL's
default, the end token, Transformers would read scores before the end of every sequence. Losses are
taken in compute_loss, because logs round them. tests/golden/train/README.md says more.
"""

import json
import os
import tempfile

import torch
import transformers
import trl
from datasets import Dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from trl import RewardConfig, RewardTrainer

HERE = os.path.dirname(os.path.abspath(__file__))
EOS = 2


def rows(count, margins, generator):
    """A prompt and two answers of ragged lengths; the chosen one goes up in its ids, the other down."""
    def number(low, high):
        return int(torch.randint(low, high, (1,), generator=generator))

    result = []
    for index in range(count):
        prompt = [number(3, 96) for _ in range(number(1, 9))]
        answers = []
        for stride in (1, -1):
            start = number(3, 96)
            answers.append([3 + (start + stride * i) % 93 for i in range(number(1, 12))] + [EOS])
        row = {"prompt": prompt, "chosen": answers[0], "rejected": answers[1]}
        if margins:
            row["margin"] = (index % 4) * 0.25
        result.append(row)
    return result


class Recording(RewardTrainer):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.losses = []

    def compute_loss(self, *arguments, **options):
        result = super().compute_loss(*arguments, **options)
        loss = result[0] if isinstance(result, tuple) else result
        self.losses.append(loss.item())
        return result


def write(name, margins, centre, seed):
    torch.manual_seed(seed)
    data = rows(24, margins, torch.Generator().manual_seed(seed))
    columns = [{"chosen_ids": row["prompt"] + row["chosen"], "rejected_ids": row["prompt"] + row["rejected"],
                **({"margin": row["margin"]} if margins else {})} for row in data]
    tokenizer = AutoTokenizer.from_pretrained(os.path.join(HERE, "tiny"))
    tokenizer.pad_token = "<unk>"
    model = AutoModelForSequenceClassification.from_pretrained(
        os.path.join(HERE, "tiny"), num_labels=1, dtype=torch.float32)
    torch.nn.init.normal_(model.score.weight, std=0.3)
    head = model.score.weight.detach()[0].tolist()
    settings = {"max_steps": 20, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 2,
                "learning_rate": 1e-3, "warmup_steps": 3, "weight_decay": 0.1,
                "train_sampling_strategy": "sequential"}
    with tempfile.TemporaryDirectory() as folder:
        trainer = Recording(
            model=model, processing_class=tokenizer, train_dataset=Dataset.from_list(columns),
            args=RewardConfig(output_dir=folder, bf16=False, use_cpu=True, gradient_checkpointing=False,
                              logging_steps=1, save_strategy="no", report_to="none",
                              center_rewards_coefficient=centre, **settings))
        trainer.train()
        logs = [entry for entry in trainer.state.log_history if "grad_norm" in entry]
    accumulation = settings["gradient_accumulation_steps"]
    steps = []
    for index, entry in enumerate(logs):
        shares = trainer.losses[index * accumulation:(index + 1) * accumulation]
        steps.append({"loss": sum(shares) / accumulation, "grad_norm": float(entry["grad_norm"]),
                      "learning_rate": entry["learning_rate"], "accuracy": entry["accuracy"],
                      "margin": entry["margin"], "mean_reward": entry["mean_reward"]})
        print(len(steps), steps[-1], flush=True)
    settings["center_rewards_coefficient"] = centre
    golden = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__,
                           "trl": trl.__version__},
              "config": settings, "score": head, "rows": data, "steps": steps}
    with open(os.path.join(HERE, name), "w") as file:
        json.dump(golden, file)
        file.write("\n")


write("reward_pairs.json", margins=False, centre=None, seed=5)
write("reward_margins.json", margins=True, centre=0.01, seed=6)
