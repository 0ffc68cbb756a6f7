"""Makes one small random model per family, with Transformers' logits and gradients.

Each folder holds a checkpoint (bf16 values, computed with in fp32), golden.json (the token tree,
versions) and golden.safetensors: logits of every root-to-leaf path run by itself, and the gradients
of all parameters for the mean negative log-likelihood of the next token over all paths. Families
that are not bound to a learned context also have long.safetensors: the logits of the last rows of
one long sequence, where rounding of positions shows.

    .venv/bin/python tests/golden/models/make_models.py [NAME ...]
    .venv/bin/python tests/golden/models/make_models.py --long
"""

import json
import math
import pathlib
import random
import shutil
import sys
import zlib

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
VOCABULARY = 61  # equal to no other size
LONG, LONG_ROWS = 700, 4

# The tree: every segment's parent and length. Paths reach beyond the original contexts and windows.
SEGMENTS = [(-1, 18), (0, 8), (1, 12), (1, 5), (0, 11), (-1, 9)]

COMMON = dict(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
              intermediate_size=48, bos_token_id=None, eos_token_id=None, pad_token_id=None)
LLAMA = COMMON | dict(num_key_value_heads=2, rms_norm_eps=1e-3, max_position_embeddings=64)
ROPE = dict(rope_theta=100.0, original_max_position_embeddings=32)
FALCON = dict(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
              ffn_hidden_size=64, layer_norm_epsilon=1e-3, max_position_embeddings=64,
              bos_token_id=None, eos_token_id=None)
NEOX = COMMON | dict(intermediate_size=64, layer_norm_eps=1e-3, max_position_embeddings=64,
                     rope_parameters=dict(rope_type="default", rope_theta=100.0,
                                          partial_rotary_factor=0.5))


def configs():
    t = transformers
    linear = dict(rope_type="linear", factor=4.0, rope_theta=100.0)
    llama3 = ROPE | dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0)
    yarn = ROPE | dict(rope_type="yarn", factor=4.0, beta_fast=2.0, beta_slow=0.25)
    plain = dict(rope_type="default", rope_theta=100.0)
    windows = dict(use_sliding_window=True, sliding_window=7, max_window_layers=1)
    return {
        "llama_linear": t.LlamaConfig(**LLAMA | dict(num_key_value_heads=4),
                                      rope_parameters=linear),
        "llama3": t.LlamaConfig(**LLAMA, rope_parameters=llama3, tie_word_embeddings=True),
        "llama_yarn": t.LlamaConfig(**LLAMA, rope_parameters=yarn, attention_bias=True,
                                    mlp_bias=True, head_dim=12),
        "smollm2": t.LlamaConfig(**LLAMA, rope_parameters=plain, tie_word_embeddings=True),
        "mistral": t.MistralConfig(**LLAMA, rope_parameters=plain, sliding_window=7),
        "qwen2": t.Qwen2Config(**LLAMA, rope_parameters=plain, **windows),
        "qwen3": t.Qwen3Config(**LLAMA, rope_parameters=plain, head_dim=12,
                               tie_word_embeddings=True),
        "smollm3": t.SmolLM3Config(**LLAMA, rope_parameters=plain, no_rope_layers=[1, 0]),
        "falcon_7b": t.FalconConfig(**FALCON, rope_parameters=plain),
        "falcon_11b": t.FalconConfig(**FALCON, rope_parameters=plain, new_decoder_architecture=True,
                                     num_kv_heads=2, num_ln_in_parallel_attn=1),
        "falcon_40b": t.FalconConfig(**FALCON, rope_parameters=plain, new_decoder_architecture=True,
                                     num_kv_heads=2, tie_word_embeddings=False),
        "falcon_rw": t.FalconConfig(**FALCON, alibi=True, bias=True, multi_query=False,
                                    parallel_attn=False),
        # 12 heads: their slopes are no powers of two, and Transformers rounds the bias to bf16.
        "falcon_rw_12": t.FalconConfig(**FALCON | dict(hidden_size=96, num_attention_heads=12,
                                                       num_hidden_layers=1, ffn_hidden_size=16),
                                       alibi=True, bias=True, multi_query=False,
                                       parallel_attn=False),
        "gpt_neox": t.GPTNeoXConfig(**NEOX),
        "gpt_neox_sequential": t.GPTNeoXConfig(**NEOX, use_parallel_residual=False),
        "gpt2": t.GPT2Config(vocab_size=VOCABULARY, n_positions=48, n_embd=32, n_layer=2, n_head=4,
                             layer_norm_epsilon=1e-3, bos_token_id=None, eos_token_id=None,
                             resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0),
    }


def randomise(model, seed):
    """Weights under which attention is far from uniform and every bias and norm matters."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        is_norm = "norm" in name or "ln_" in name
        if is_norm and name.endswith("weight"):
            value = 1.0 + 0.2 * noise
            value = value * (1.5 if "q_norm" in name or "k_norm" in name else 1.0)
        elif name.endswith("bias"):
            value = 0.3 * noise
        elif parameter.shape[0] == VOCABULARY or "wpe" in name:
            value = 0.7 * noise
        else:
            value = 0.3 * noise
        parameter.data.copy_(value.to(torch.bfloat16).float())


def token_tree(seed):
    numbers = random.Random(seed)
    return [dict(parent=parent, tokens=[numbers.randrange(VOCABULARY) for _ in range(length)])
            for parent, length in SEGMENTS]


def path_tokens(tree, index):
    segment = tree[index]
    above = path_tokens(tree, segment["parent"]) if segment["parent"] >= 0 else []
    return above + segment["tokens"]


def leaves(tree):
    parents = {segment["parent"] for segment in tree}
    return [i for i in range(len(tree)) if i not in parents]


def attention_entropy_share(attentions):
    """Mean entropy of attention rows over that of uniform ones; rows of at least 7 keys."""
    shares = []
    for layer in attentions:
        rows = layer[0]
        entropy = -(rows * rows.clamp_min(1e-30).log()).sum(-1)
        seen = (rows > 0).sum(-1)
        wide = seen >= 7
        shares.append((entropy / seen.clamp_min(2).log())[wide].mean().item())
    return sum(shares) / len(shares)


def make(name, config):
    torch.manual_seed(0)
    seed = zlib.crc32(name.encode())
    # Transformers 5.23 adds Falcon's ALiBi twice in its eager path, and once (right) in the other.
    alibi = getattr(config, "alibi", False)
    implementation = "sdpa" if alibi else "eager"
    model = AutoModelForCausalLM.from_config(config, attn_implementation=implementation)
    model = model.float().eval()
    randomise(model, seed)
    tree = token_tree(seed)
    total, count, tensors, shares = 0.0, 0, {}, []
    for leaf in leaves(tree):
        ids = torch.tensor([path_tokens(tree, leaf)])
        output = model(input_ids=ids, output_attentions=not alibi, use_cache=False)
        tensors[f"logits.{leaf}"] = output.logits[0].detach().clone()
        if not alibi:
            shares.append(attention_entropy_share(output.attentions))
        log_probs = output.logits[0, :-1].log_softmax(-1)
        total = total - log_probs.gather(1, ids[0, 1:, None]).sum()
        count += ids.shape[1] - 1
    loss = total / count
    loss.backward()
    share = sum(shares) / len(shares) if shares else math.nan
    assert alibi or share < 0.8, f"{name}: attention is {share:.2f} of uniform"
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, parameter_name
        # GPT-NeoX's head has another name in memory than in files.
        neox_head = config.model_type == "gpt_neox" and parameter_name == "lm_head.weight"
        saved_name = "embed_out.weight" if neox_head else parameter_name
        tensors[f"grad.{saved_name}"] = parameter.grad.detach().clone()
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file(tensors, folder / "golden.safetensors")
    golden = dict(transformers=transformers.__version__, torch=torch.__version__,
                  loss=loss.item(), tree=tree,
                  attention_entropy_share=None if alibi else round(share, 3))
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")
    size = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{name}: loss {loss.item():.6f}, entropy share {share:.2f}, {size / 1024:.0f} KiB")
    assert size < 320 * 1024 and math.isfinite(loss.item())


def make_long(name, config):
    """What an existing checkpoint gives at the end of a sequence of LONG tokens."""
    implementation = "sdpa" if getattr(config, "alibi", False) else "eager"
    model = AutoModelForCausalLM.from_pretrained(HERE / name, dtype=torch.float32,
                                                 attn_implementation=implementation).eval()
    ids = torch.tensor([[(7 * i * i + 3 * i) % VOCABULARY for i in range(LONG)]])
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits[0, -LONG_ROWS:]
    versions = dict(transformers=transformers.__version__, torch=torch.__version__)
    save_file({"logits": logits.clone()}, HERE / name / "long.safetensors", metadata=versions)
    print(f"{name}: {LONG} tokens, largest logit {logits.abs().max():.3f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--long"]:
        for name, config in configs().items():
            if name != "gpt2":
                make_long(name, config)
        sys.exit()
    for name, config in configs().items():
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            make(name, config)
