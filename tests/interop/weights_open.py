"""Opens what weights/ wrote with the gguf, Transformers and PEFT packages, and compares.

    weights_open.py GOLDENS WRITTEN

WRITTEN holds models/NAME/, NAME.gguf and NAME-bf16/ made of them, types-T.gguf of smollm2, and
adapter/ and merged/ of GOLDENS/weights. Prints one line each; exits with 1 when one differs.
"""

import pathlib
import sys

import gguf
import numpy as np
import peft
import torch
from transformers import AutoModelForCausalLM

# Whose GGUF files Transformers reads whole. It does not read rope scaling, biases of Llama, GGUF's
# order of Falcon's fused rows, nor GPT-NeoX: of those the values are compared, in any order.
READ_BY_TRANSFORMERS = ("smollm2", "mistral", "qwen2", "qwen3", "gpt2")
STEP = {"F16": 1e-3, "BF16": 1e-2, "Q8_0": 1e-2, "Q4_0": 0.2}  # of a tensor's largest value

failures = 0


def report(what, worst, bound):
    global failures
    failures += not worst <= bound
    print(f"{what}: {worst:.1e}")


def open_model(folder, **options):
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", **options).eval()


def logits(model):
    vocabulary = model.get_input_embeddings().weight.shape[0]
    ids = (torch.arange(24)[None] * 7 + 1) % vocabulary
    with torch.no_grad():
        return model(input_ids=ids, use_cache=False).logits


def worst_logit(found, wanted):
    return ((logits(found) - logits(wanted)).abs().max() / logits(wanted).abs().max()).item()


def tensors_of(path):
    return {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type)
            for tensor in gguf.GGUFReader(path).tensors}


def multiset(arrays):
    """The sorted values of all arrays: the same whatever the order of rows."""
    return np.sort(np.concatenate([np.asarray(a, np.float32).reshape(-1) for a in arrays]))


def check_values(name, path, model):
    """Every parameter is in the file once (but the tied head), with its values."""
    found = multiset(v for k, v in tensors_of(path).items() if k != "rope_freqs.weight")
    wanted = multiset(p.detach().numpy() for p in model.parameters())
    same = found.shape == wanted.shape and np.array_equal(found, wanted)
    report(f"{name}.gguf values", 0.0 if same else 1.0, 0.0)


def check_types(written):
    reference = tensors_of(written / "smollm2.gguf")
    for kind, bound in STEP.items():
        found = tensors_of(written / f"types-{kind}.gguf")
        worst = max(float(np.abs(found[k] - reference[k]).max() / np.abs(reference[k]).max())
                    for k in reference)
        report(f"types-{kind}.gguf", worst, bound)


def main(goldens, written):
    for path in sorted(written.glob("*.gguf")):
        name = path.stem
        if name.startswith("types-"):
            continue
        model = open_model(written / "models" / name)
        check_values(name, path, model)
        if name in READ_BY_TRANSFORMERS:
            read = open_model(written, gguf_file=path.name)
            report(f"{name}.gguf logits", worst_logit(read, model), 1e-5)
        half = open_model(written / f"{name}-bf16")
        for parameter in model.parameters():
            parameter.data = parameter.data.to(torch.bfloat16).to(torch.float32)
        report(f"{name}-bf16", worst_logit(half, model), 1e-6)
    check_types(written)
    tiny = goldens / "weights" / "tiny-llama"
    adapted = peft.PeftModel.from_pretrained(open_model(tiny), written / "adapter").eval()
    report("adapter", worst_logit(open_model(written / "merged"), adapted), 1e-5)
    plain = worst_logit(open_model(tiny), adapted)
    report("adapter changes the model", 0.0 if plain > 1e-2 else 1.0, 0.0)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
