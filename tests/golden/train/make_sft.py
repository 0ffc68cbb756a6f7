"""Writes the SFT goldens: loss and gradient norm of every step of full fp32 training in Transformers.

  make_sft.py tiny          tiny/ (a small Llama in a folder) and sft_tiny.json, 30 steps
  make_sft.py smollm2 GGUF  sft_smollm2.json, 30 steps on the weights of that file

Rows are recorded as ids with their loss mask, so that no tokenizer takes part in the comparison. The
loop is Trainer's: sequential order, loss summed over the step and divided by its trained tokens,
clip_grad_norm_(1.0), AdamW, linear schedule with warm-up. tests/golden/train/README.md says more.
"""

import json
import os
import sys

import torch
import transformers
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, get_scheduler

HERE = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(0)


def rows(count, vocabulary, shortest, longest, generator):
    result = []
    for _ in range(count):
        length = int(torch.randint(shortest, longest + 1, (1,), generator=generator))
        # A learnable pattern: a start, then fixed strides, with some noise.
        start = int(torch.randint(3, vocabulary, (1,), generator=generator))
        stride = int(torch.randint(1, 5, (1,), generator=generator))
        ids = [(start + stride * i) % vocabulary for i in range(length)]
        prompt = int(torch.randint(0, length // 2, (1,), generator=generator))
        result.append({"ids": ids, "trained": [0] * prompt + [1] * (length - prompt)})
    return result


def train(model, data, steps, batch, accumulation, rate, warmup, weight_decay):
    model.train()
    decayed, plain = [], []
    for name, parameter in model.named_parameters():
        (plain if "norm" in name or "bias" in name else decayed).append(parameter)
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": weight_decay},
                                   {"params": plain, "weight_decay": 0.0}], lr=rate)
    scheduler = get_scheduler("linear", optimizer, num_warmup_steps=warmup, num_training_steps=steps)
    history = []
    at = 0
    for _ in range(steps):
        step_rows = [data[(at + i) % len(data)] for i in range(batch * accumulation)]
        at += batch * accumulation
        trained = sum(sum(r["trained"][1:]) for r in step_rows)
        loss_value = 0.0
        for row in step_rows:
            ids = torch.tensor([row["ids"]])
            logits = model(ids).logits[0, :-1].float()
            nll = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
            loss = (nll * torch.tensor(row["trained"][1:])).sum() / trained
            loss.backward()
            loss_value += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
        history.append({"loss": loss_value, "grad_norm": norm, "learning_rate": optimizer.param_groups[0]["lr"]})
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        print(len(history), history[-1], flush=True)
    return history


def write(name, settings, data, history):
    golden = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__},
              "config": settings, "rows": data, "steps": history}
    with open(os.path.join(HERE, name), "w") as file:
        json.dump(golden, file)
        file.write("\n")


def run(name, model, data, steps, batch, accumulation, rate, warmup, weight_decay):
    history = train(model, data, steps, batch, accumulation, rate, warmup, weight_decay)
    settings = {"max_steps": steps, "per_device_train_batch_size": batch,
                "gradient_accumulation_steps": accumulation, "learning_rate": rate, "warmup_steps": warmup,
                "weight_decay": weight_decay, "train_sampling_strategy": "sequential"}
    write(name, settings, data, history)


def tiny_tokenizer(folder):
    """Byte-level BPE over printable ASCII, for runs that start from text."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:!?'-+=_/<>|"
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2}
    for letter in list(letters) + ["\u0120", "\u010a"]:
        vocabulary[letter] = len(vocabulary)
    merges = [("t", "h"), ("th", "e"), ("\u0120", "a"), ("\u0120", "y")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    assert len(vocabulary) <= 96, len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ("<unk>", "<s>", "</s>")])
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>",
                   "unk_token": "<unk>"}, file, indent=1)


def tiny():
    config = LlamaConfig(vocab_size=96, hidden_size=32, intermediate_size=64, num_hidden_layers=3,
                         num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
                         rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2,
                         initializer_range=0.1)
    model = LlamaForCausalLM(config).float()
    model.save_pretrained(os.path.join(HERE, "tiny"))
    tiny_tokenizer(os.path.join(HERE, "tiny"))
    data = rows(20, 96, 6, 24, torch.Generator().manual_seed(1))
    run("sft_tiny.json", model, data, 30, 2, 2, 3e-3, 3, 0.1)


def smollm2(path):
    model = AutoModelForCausalLM.from_pretrained(os.path.dirname(path), gguf_file=os.path.basename(path),
                                                 dtype=torch.float32)
    data = rows(60, 49152, 16, 64, torch.Generator().manual_seed(2))
    run("sft_smollm2.json", model, data, 30, 2, 1, 2e-5, 3, 0.0)


if sys.argv[1] == "tiny":
    tiny()
else:
    smollm2(sys.argv[2])
