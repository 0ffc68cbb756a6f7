"""Opens what weights/ wrote with the gguf, Transformers and PEFT packages, and compares.

    weights_open.py GOLDENS WRITTEN

WRITTEN holds models/NAME/, models/NAME.gguf and NAME-bf16/ made of them, types/T.gguf and sharded/
of smollm2, tiny.gguf of GOLDENS/train/tiny and tiny/ of that, and adapter/ and merged/ of
GOLDENS/weights. Prints one line each; exits with 1 when one differs.
"""

import pathlib
import sys

import gguf
import numpy as np
import peft
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

# Whose GGUF files Transformers reads whole. It does not read rope scaling, biases of Llama, GGUF's
# order of Falcon's fused rows, nor GPT-NeoX: of those the values are compared, in any order.
READ_BY_TRANSFORMERS = ("smollm2", "mistral", "qwen2", "qwen3", "gpt2")
# Of these it reads the weights, but not all of the configuration, which comes from the folder: of
# GPT-2 neither the context nor, without tokens, the vocabulary's size (it takes the 1024 and 50257
# of the first model), of Qwen3 not the size of a head (it takes 128).
CONFIG_OF_FOLDER = ("gpt2", "qwen3")
STEP = {"F16": 1e-3, "BF16": 1e-2, "Q8_0": 1e-2, "Q4_0": 0.2}  # of a tensor's largest value

TEXTS = ("abc", " a b  cd!", "a\nb", "", "dcba 12")

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
    reference = tensors_of(written / "models" / "smollm2.gguf")
    for kind, bound in STEP.items():
        found = tensors_of(written / "types" / f"{kind}.gguf")
        worst = max(float(np.abs(found[k] - reference[k]).max() / np.abs(reference[k]).max())
                    for k in reference)
        report(f"{kind}.gguf", worst, bound)


def check_families(written):
    for path in sorted((written / "models").glob("*.gguf")):
        name = path.stem
        model = open_model(written / "models" / name)
        check_values(name, path, model)
        if name in READ_BY_TRANSFORMERS:
            options = {"config": model.config} if name in CONFIG_OF_FOLDER else {}
            read = open_model(path.parent, gguf_file=path.name, **options)
            report(f"{name}.gguf logits", worst_logit(read, model), 1e-5)
        half = open_model(written / f"{name}-bf16")
        for parameter in model.parameters():
            parameter.data = parameter.data.to(torch.bfloat16).to(torch.float32)
        report(f"{name}-bf16", worst_logit(half, model), 1e-6)


def check_tokenizer(goldens, written):
    """The model with a tokenizer, to GGUF and back: the same ids, special tokens and end."""
    wanted = AutoTokenizer.from_pretrained(goldens / "train" / "tiny")
    found = AutoTokenizer.from_pretrained(written / "tiny")
    same = all(found(text).input_ids == wanted(text).input_ids for text in TEXTS)
    same = same and found.eos_token_id == wanted.eos_token_id
    report("tiny tokenizer", 0.0 if same else 1.0, 0.0)
    model, again = open_model(goldens / "train" / "tiny"), open_model(written / "tiny")
    report("tiny", worst_logit(again, model), 1e-6)
    same = again.generation_config.eos_token_id == model.generation_config.eos_token_id
    report("tiny generation_config", 0.0 if same else 1.0, 0.0)
    fields = gguf.GGUFReader(written / "tiny.gguf").fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    same = tokens[:len(wanted)] == wanted.convert_ids_to_tokens(range(len(wanted)))
    same = same and len(tokens) == model.config.vocab_size
    report("tiny.gguf tokens", 0.0 if same else 1.0, 0.0)


def main(goldens, written):
    check_families(written)
    check_types(written)
    check_tokenizer(goldens, written)
    sharded = open_model(written / "sharded")
    report("sharded", worst_logit(sharded, open_model(written / "models" / "smollm2")), 0.0)
    tiny = goldens / "weights" / "tiny-llama"
    adapted = peft.PeftModel.from_pretrained(open_model(tiny), written / "adapter").eval()
    report("adapter", worst_logit(open_model(written / "merged"), adapted), 1e-5)
    plain = worst_logit(open_model(tiny), adapted)
    report("adapter changes the model", 0.0 if plain > 1e-2 else 1.0, 0.0)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
