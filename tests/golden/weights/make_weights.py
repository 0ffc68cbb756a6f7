"""Goldens of weights/: block types, safetensors, a tiny Llama with a PEFT adapter, row orders.

Run once with the project's Python: tests/golden/weights/make_weights.py. Values come from the gguf,
safetensors, transformers and peft packages; their versions are in orders.json.
"""

import importlib.metadata
import json
import pathlib
import shutil

import gguf
import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
BLOCK_TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
# Byte positions of F16 scales in a block, kept small and finite.
SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82],
          "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}


def random_blocks(rng, name, rows, elements):
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    data = rng.integers(0, 256, (rows, elements // block, size), dtype=np.uint8)
    for at in SCALES[name]:
        scale = rng.normal(0, 0.05, data.shape[:2]).astype(np.float16)
        data[:, :, at:at + 2] = scale[..., None].view(np.uint8)
    return data.reshape(rows, -1)


def block_types(rng):
    """blocks.gguf holds random blocks of every type, blocks.safetensors their values."""
    writer = gguf.GGUFWriter(HERE / "blocks.gguf", "test")
    writer.add_uint8("all.u8", 200)
    writer.add_int8("all.i8", -100)
    writer.add_uint16("all.u16", 60000)
    writer.add_int16("all.i16", -30000)
    writer.add_uint32("all.u32", 4000000000)
    writer.add_int32("all.i32", -2000000000)
    writer.add_float32("all.f32", 1.5)
    writer.add_bool("all.bool", True)
    writer.add_string("all.string", "h\u00e9llo")
    writer.add_uint64("all.u64", 2**63 + 1)
    writer.add_int64("all.i64", -2**62)
    writer.add_float64("all.f64", 1e300)
    writer.add_array("all.ints", [1, -2, 3])
    writer.add_array("all.strings", ["a", "", "\u4f60"])
    writer.add_array("all.floats", [0.5, -0.25])
    values = {}
    for name in BLOCK_TYPES:
        kind = gguf.GGMLQuantizationType[name]
        data = random_blocks(rng, name, 3, 512)
        writer.add_tensor(name, data, raw_dtype=kind)
        values[name] = gguf.dequantize(data, kind)
    plain = rng.normal(0, 1, (3, 40)).astype(np.float32)
    writer.add_tensor("F32", plain)
    writer.add_tensor("F16", plain.astype(np.float16))
    bf16 = gguf.quantize(plain, gguf.GGMLQuantizationType.BF16)
    writer.add_tensor("BF16", bf16, raw_dtype=gguf.GGMLQuantizationType.BF16)
    values["F32"] = plain
    values["F16"] = plain.astype(np.float16).astype(np.float32)
    values["BF16"] = gguf.dequantize(bf16, gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(values, HERE / "blocks.safetensors")


def encodings(rng):
    """Values and what the gguf package encodes them as."""
    values = (rng.normal(0, 1, (8, 64)) * rng.choice([1e-4, 1.0, 50.0], (8, 1))).astype(np.float32)
    values[3] = 0.0
    values[4, :32] = -1.25
    out = {"values": values}
    for name in ("F16", "BF16", "Q8_0", "Q4_0", "Q4_1"):
        coded = gguf.quantize(values, gguf.GGMLQuantizationType[name])
        out[name] = np.frombuffer(coded.tobytes(), dtype=np.uint8)
    save_file(out, HERE / "encodings.safetensors")


def plain_safetensors():
    """Every plain type, an empty tensor and a scalar."""
    base = torch.tensor([[0, 1, 2], [3, 4, 100]])
    tensors = {name: base.to(dtype) for name, dtype in {
        "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
        "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
        "U8": torch.uint8, "BOOL": torch.bool}.items()}
    tensors["empty"] = torch.zeros(0, 4)
    tensors["scalar"] = torch.tensor(2.5)
    save_torch(tensors, HERE / "plain.safetensors", metadata={"format": "pt", "note": "h\u00e9"})


def row_orders():
    """Stored rows as published converters make them: index i stands for Transformers' row i."""
    rotary = np.arange(24).reshape(3, 2, 4).swapaxes(1, 2).reshape(-1)  # 3 heads of 8
    groups = np.arange(48).reshape(3, 4, 4)  # 3 key heads, 2 queries + key + value, head of 4
    fused = np.concatenate([groups[:, :2].reshape(-1), groups[:, 2].reshape(-1),
                            groups[:, 3].reshape(-1)])
    neox = np.arange(24).reshape(2, 3, 4)  # 2 heads of query, key, value
    return {"rotary_3x8": rotary.tolist(), "fused_6_3_4": fused.tolist(),
            "neox_2x4": np.concatenate([neox[:, i].reshape(-1) for i in range(3)]).tolist()}


def lora_folder():
    """tiny-llama (sharded), tiny-adapter, and what merge_and_unload makes of them."""
    torch.manual_seed(5)
    config = LlamaConfig(vocab_size=48, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
                         tie_word_embeddings=True, bos_token_id=1, eos_token_id=2)
    model = LlamaForCausalLM(config)
    shutil.rmtree(HERE / "tiny-llama", ignore_errors=True)
    model.save_pretrained(HERE / "tiny-llama", max_shard_size="6KB")
    adapter = LoraConfig(r=4, lora_alpha=6, target_modules=["q_proj", "v_proj", "down_proj"],
                         rank_pattern={"q_proj": 2}, alpha_pattern={"layers.1.mlp.down_proj": 3},
                         use_rslora=True, task_type="CAUSAL_LM")
    model = get_peft_model(model, adapter)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    model.peft_config["default"].base_model_name_or_path = "tiny-llama"
    model.save_pretrained(HERE / "tiny-adapter")
    (HERE / "tiny-adapter" / "README.md").unlink()
    merged = model.merge_and_unload().state_dict()
    merged.pop("lm_head.weight")
    save_torch({k: v.contiguous() for k, v in merged.items()}, HERE / "merged.safetensors")


def main():
    rng = np.random.default_rng(11)
    block_types(rng)
    encodings(rng)
    plain_safetensors()
    lora_folder()
    packages = ("gguf", "safetensors", "transformers", "peft", "torch", "numpy")
    versions = {name: importlib.metadata.version(name) for name in packages}
    golden = {"versions": versions, "row_orders": row_orders()}
    (HERE / "orders.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
