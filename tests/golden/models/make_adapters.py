"""Makes PEFT adapters on some of the small models, with PEFT's logits and adapter gradients.

Each folder under adapters/ holds what PEFT saved, lora.json (base, loss, versions) and
golden.safetensors: logits.PATH of the base's token paths, grad.NAME of the adapter's parameters.

    .venv/bin/python tests/golden/models/make_adapters.py
"""

import json
import shutil
import zlib

import peft
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from make_models import HERE, leaves, path_tokens, token_tree

ADAPTERS = {
    "llama": ("llama3", dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"])),
    "llama_rslora": ("llama3", dict(r=4, lora_alpha=8, use_rslora=True, target_modules="all-linear",
                                    rank_pattern={"k_proj": 2}, alpha_pattern={"up_proj": 3})),
    "falcon_fused": ("falcon_40b", dict(r=3, lora_alpha=6, target_modules=["query_key_value"])),
    "gpt2_transposed": ("gpt2", dict(r=4, lora_alpha=4, fan_in_fan_out=True,
                                     target_modules=["c_attn", "mlp.c_proj"])),
}


def make(name, base, options):
    seed = zlib.crc32(base.encode())  # the seed of make_models.py: the same tokens
    model = AutoModelForCausalLM.from_pretrained(HERE / base, dtype=torch.float32,
                                                 attn_implementation="eager")
    config = peft.LoraConfig(task_type="CAUSAL_LM", **options)
    torch.manual_seed(seed)
    model = peft.get_peft_model(model, config).eval()
    generator = torch.Generator().manual_seed(seed)
    for parameter_name, parameter in model.named_parameters():
        if "lora_B" in parameter_name:
            parameter.data.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    tree = token_tree(seed)
    tensors, total, count = {}, 0.0, 0
    for leaf in leaves(tree):
        ids = torch.tensor([path_tokens(tree, leaf)])
        logits = model(input_ids=ids, use_cache=False).logits[0]
        tensors[f"logits.{leaf}"] = logits.detach().clone()
        total = total - logits[:-1].log_softmax(-1).gather(1, ids[0, 1:, None]).sum()
        count += ids.shape[1] - 1
    loss = total / count
    loss.backward()
    for parameter_name, parameter in model.named_parameters():
        if parameter.requires_grad:
            saved_name = parameter_name.replace(".default", "")
            tensors[f"grad.{saved_name}"] = parameter.grad.contiguous()
    folder = HERE / "adapters" / name
    shutil.rmtree(folder, ignore_errors=True)
    model.peft_config["default"].base_model_name_or_path = base
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    save_file(tensors, folder / "golden.safetensors")
    golden = dict(base=base, loss=loss.item(), peft=peft.__version__,
                  transformers=transformers.__version__, torch=torch.__version__)
    (folder / "lora.json").write_text(json.dumps(golden) + "\n")
    print(f"{name}: loss {loss.item():.6f}, {len(tensors)} tensors")


if __name__ == "__main__":
    for name, (base, options) in ADAPTERS.items():
        make(name, base, options)
