"""Opens reward models that Attune wrote with Transformers and PEFT, and compares scores.

    rewards_open.py GOLDENS WRITTEN

WRITTEN/models/NAME are sequence-classification folders, WRITTEN/adapters/NAME adapter folders with a
score head (task_type SEQ_CLS) over GOLDENS/NAME. Each holds scores.json: sequences of ids and
Attune's scores of them. Prints one line each; exits with 1 when one differs.
"""

import json
import pathlib
import sys

import peft
import torch
from transformers import AutoModelForSequenceClassification

TOLERANCE = 1e-5  # of the largest score


def open_model(folder):
    model, report = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True)
    left = {key: value for key, value in report.items() if value}
    assert not left, f"{folder}: {left}"
    assert model.config.num_labels == 1
    return model.eval()


def open_adapter(base, folder):
    # The base is a language model: its head is left over and the new one comes with the adapter.
    model = AutoModelForSequenceClassification.from_pretrained(base, dtype=torch.float32, num_labels=1)
    model = peft.PeftModel.from_pretrained(model, folder).eval()
    assert model.peft_type == "LORA" and model.active_peft_config.task_type == "SEQ_CLS"
    return model


def difference(model, folder):
    recorded = json.loads((folder / "scores.json").read_text())
    with torch.no_grad():
        scores = [model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, 0].item()
                  for ids in recorded["sequences"]]
    largest = max(abs(score) for score in scores)
    return max(abs(a - b) for a, b in zip(scores, recorded["scores"], strict=True)) / largest


def main(goldens, written):
    failed = 0
    for kind in ("models", "adapters"):
        for folder in sorted((written / kind).iterdir()):
            model = open_model(folder) if kind == "models" else open_adapter(goldens / folder.name, folder)
            worst = difference(model, folder)
            failed += worst > TOLERANCE
            print(f"{kind} {folder.name}: {worst:.1e}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
