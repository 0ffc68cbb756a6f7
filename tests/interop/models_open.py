"""Opens what Attune wrote with Transformers and PEFT, and compares logits with the goldens.

    models_open.py GOLDENS WRITTEN

WRITTEN/models/NAME are model folders and WRITTEN/adapters/NAME adapter folders, saved from the
models and adapters of GOLDENS (tests/golden/models). Prints one line each; exits with 1 when one
differs.
"""

import json
import pathlib
import sys

import peft
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

TOLERANCE = 1e-5  # of the largest logit


def path_tokens(tree, index):
    segment = tree[index]
    above = path_tokens(tree, segment["parent"]) if segment["parent"] >= 0 else []
    return above + segment["tokens"]


def open_model(folder):
    model, report = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True)
    left = {key: value for key, value in report.items() if value}
    assert not left, f"{folder}: {left}"
    return model.eval()


def difference(model, base_folder, golden_folder):
    tree = json.loads((base_folder / "golden.json").read_text())["tree"]
    goldens = load_file(golden_folder / "golden.safetensors")
    worst = 0.0
    for key, expected in goldens.items():
        if key.startswith("logits."):
            ids = torch.tensor([path_tokens(tree, int(key.split(".")[1]))])
            with torch.no_grad():
                logits = model(input_ids=ids, use_cache=False).logits[0]
            worst = max(worst, ((logits - expected).abs().max() / expected.abs().max()).item())
    return worst


def main(goldens, written):
    failed = 0
    for folder in sorted((written / "models").iterdir()):
        golden = goldens / folder.name
        worst = difference(open_model(folder), golden, golden)
        failed += worst > TOLERANCE
        print(f"model {folder.name}: {worst:.1e}")
    for folder in sorted((written / "adapters").iterdir()):
        golden = goldens / "adapters" / folder.name
        base = goldens / json.loads((golden / "lora.json").read_text())["base"]
        model = peft.PeftModel.from_pretrained(open_model(base), folder).eval()
        worst = difference(model, base, golden)
        failed += worst > TOLERANCE
        print(f"adapter {folder.name}: {worst:.1e}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
