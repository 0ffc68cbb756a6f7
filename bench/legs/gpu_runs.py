"""Trains a random model on a GPU by SFT, DPO and PPO and says how fast it was:
gpu_runs.py ENGINE [--device D] [--shape S] [--steps N] [--results FILE].

One raw line for each method and precision: real tokens a second (without the first step), peak
memory as the driver counts it (with CUDA's own), device, driver and versions. Needs no packages.
The shape `tiny` is for trying this program out."""

import argparse
import array
import datetime
import itertools
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPES = {  # layers, width, heads, key heads, inner, vocabulary
    "1b": (16, 2048, 32, 8, 8192, 32000),
    "tiny": (2, 32, 4, 2, 64, 300),
}
SAMPLES = 1 << 18  # different weights; a tensor begins somewhere in them and goes round
POLL_S = 0.1
REWARD = """import json, sys
for line in sys.stdin:
    row = json.loads(line)
    print(json.dumps({"id": row["id"], "reward": len(row["completion"]) % 7}), flush=True)
"""
METHODS = {
    "sft": {"per_device_train_batch_size": 8, "max_length": 1024},
    "dpo": {"per_device_train_batch_size": 4, "max_length": 1024, "beta": 0.1},
    "ppo": {"per_device_train_batch_size": 16, "response_length": 64, "value_source": "head",
            "num_ppo_epochs": 2, "stop_token": "none", "kl_coef": 0.05},
}
PRECISIONS = {
    "fp32": {},
    "tf32": {"tf32": True},
    "lora_bf16": {"use_peft": True, "dtype": "bfloat16", "lora_r": 16, "lora_alpha": 32,
                  "lora_dropout": 0.0},
}


def tensors(shape):
    """(name, sizes) in the order of a Llama checkpoint with a tied head."""
    layers, width, heads, key_heads, inner, vocabulary = shape
    keys = width // heads * key_heads
    yield "model.embed_tokens.weight", [vocabulary, width]
    for layer in range(layers):
        at = f"model.layers.{layer}."
        yield at + "input_layernorm.weight", [width]
        yield at + "self_attn.q_proj.weight", [width, width]
        yield at + "self_attn.k_proj.weight", [keys, width]
        yield at + "self_attn.v_proj.weight", [keys, width]
        yield at + "self_attn.o_proj.weight", [width, width]
        yield at + "post_attention_layernorm.weight", [width]
        yield at + "mlp.gate_proj.weight", [inner, width]
        yield at + "mlp.up_proj.weight", [inner, width]
        yield at + "mlp.down_proj.weight", [width, inner]
    yield "model.norm.weight", [width]


def bfloat16(values):
    """The upper halves of fp32 numbers."""
    words = array.array("I", array.array("f", values).tobytes())
    return array.array("H", (word >> 16 for word in words)).tobytes()


def write_weights(path, shape):
    header, at = {}, 0
    for name, sizes in tensors(shape):
        count = sizes[0] * (sizes[1] if len(sizes) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": sizes, "data_offsets": [at, at + 2 * count]}
        at += 2 * count
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    dice = random.Random(1)
    normal = bfloat16(dice.gauss(0, 0.02) for _ in range(SAMPLES))
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, sizes in tensors(shape):
            if len(sizes) == 1:
                file.write(bfloat16([1.0]) * sizes[0])
                continue
            left, begin = 2 * sizes[0] * sizes[1], 2 * dice.randrange(SAMPLES)
            while left > 0:
                part = normal[begin:begin + left]
                file.write(part)
                left, begin = left - len(part), 0
    return at // 2


def byte_characters():
    """The characters by which byte-level BPE writes the 256 bytes (GPT-2's table)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (byte for byte in range(256) if byte not in printable)
    table = {byte: chr(byte) for byte in printable}
    table.update((byte, chr(256 + i)) for i, byte in enumerate(others))
    return [table[byte] for byte in range(256)]


def tokenizer(vocabulary):
    """A token for every byte, an end of sequence, and tokens that no text has."""
    ids = {text: i for i, text in enumerate(byte_characters())}
    ids.update((f"<unused-{i}>", i) for i in range(257, vocabulary))
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
             "use_regex": False}
    end = {"id": 256, "content": "<|end|>", "single_word": False, "lstrip": False,
           "rstrip": False, "normalized": False, "special": True}
    return {"version": "1.0", "added_tokens": [end], "normalizer": None, "pre_tokenizer": level,
            "post_processor": None, "decoder": level,
            "model": {"type": "BPE", "vocab": ids, "merges": []}}


def write_model(folder, shape):
    folder.mkdir()
    layers, width, heads, key_heads, inner, vocabulary = shape
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"],
              "vocab_size": vocabulary, "hidden_size": width, "intermediate_size": inner,
              "num_hidden_layers": layers, "num_attention_heads": heads,
              "num_key_value_heads": key_heads, "max_position_embeddings": 2048,
              "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": True,
              "rope_theta": 10000.0, "eos_token_id": 256, "dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer(vocabulary)))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|end|>"}))
    return write_weights(folder / "model.safetensors", shape)


def text(dice, least, most):
    return "".join(dice.choice("abcdefghij ") for _ in range(dice.randint(least, most)))


def rows(method, count, scale):
    """Of ragged lengths, about like preference data; `scale` shortens them."""
    dice = random.Random(2)
    for _ in range(count):
        row = {"prompt": text(dice, 120 // scale, 360 // scale) + ":"}
        if method == "sft":
            row["completion"] = text(dice, 200 // scale, 600 // scale)
        if method == "dpo":
            row["chosen"] = text(dice, 100 // scale, 300 // scale)
            row["rejected"] = text(dice, 100 // scale, 300 // scale)
        yield row


class PeakMemory(threading.Thread):
    """The most GPU memory that a process had, as nvidia-smi lists it; nothing where there is none."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.mebibytes = process, None

    def run(self):
        while self.process.poll() is None:
            listed = query("compute-apps=pid,used_memory")
            for line in listed.splitlines():
                pid, _, used = line.partition(",")
                if pid.strip() == str(self.process.pid) and used.strip().isdigit():
                    self.mebibytes = max(self.mebibytes or 0, int(used))
            time.sleep(POLL_S)


def query(what):
    try:
        return subprocess.run(["nvidia-smi", f"--query-{what}", "--format=csv,noheader,nounits"],
                              capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def train(engine, method, precision, scratch, options):
    """The run's step lines and its peak GPU memory in MiB."""
    run = scratch / f"{method}_{precision}"
    run.mkdir()
    config = {**METHODS[method], **PRECISIONS[precision], "device": options.device,
              "max_steps": options.steps, "save_strategy": "no", "learning_rate": 1e-6, "seed": 1}
    scale = 1
    if options.shape == "tiny":
        scale = 10
        config.update(threads=1, per_device_train_batch_size=2)
        if method == "ppo":
            config["response_length"] = 4
    if method == "ppo":
        (scratch / "reward.py").write_text(REWARD)
        config["reward_command"] = [f"'{sys.executable}' '{scratch / 'reward.py'}'"]
    data = run / "rows.jsonl"
    count = config["per_device_train_batch_size"] * options.steps
    data.write_text("".join(json.dumps(row) + "\n" for row in rows(method, count, scale)))
    job = {"format": "attune-job", "version": 1, "kind": "train", "recipe": method,
           "config": config, "model": str(scratch / "model"), "adapter": "", "models": {},
           "train_files": [str(data)], "eval_files": [], "output_dir": str(run)}
    (run / "job.json").write_text(json.dumps(job))
    process = subprocess.Popen([engine, "train", str(run / "job.json")])
    memory = PeakMemory(process)
    memory.start()
    if process.wait() != 0:
        sys.exit(f"gpu: {method} in {precision} failed with exit code {process.returncode}")
    memory.join()
    lines = map(json.loads, (run / "events.jsonl").read_text().splitlines())
    return [line for line in lines if line["event"] == "step"], memory.mebibytes


def machine(engine, scratch, device):
    subprocess.run([engine, "doctor", str(scratch / "doctor.json")], check=True)
    found = json.loads((scratch / "doctor.json").read_text())
    gpu, _, driver = query("gpu=name,driver_version").partition("\n")[0].partition(",")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT,
                            capture_output=True, text=True, check=False).stdout.strip()
    return {"device": device, "gpu": gpu.strip(), "driver": driver.strip(), "engine": found,
            "commit": commit}


def measure(method, precision, scratch, options):
    steps, mebibytes = train(options.engine, method, precision, scratch, options)
    seconds = sum(step["seconds"] for step in steps[1:])
    tokens = steps[-1]["num_tokens"] - steps[0]["num_tokens"]
    peak = f"{mebibytes} MiB" if mebibytes else "not measured"
    print(f"gpu: {method} in {precision}: {tokens / seconds:.0f} tokens/s, peak memory {peak}",
          flush=True)
    return {"method": method, "precision": precision, "shape": options.shape,
            "steps": len(steps) - 1, "tokens": tokens, "seconds": seconds,
            "tokens_per_second": tokens / seconds, "peak_memory_mib": mebibytes,
            "loss": steps[-1]["loss"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--shape", default="1b", choices=SHAPES)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--results", default=ROOT / "bench" / "results" / "gpu.jsonl")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="attune-gpu-") as folder:
        scratch = pathlib.Path(folder)
        parameters = write_model(scratch / "model", SHAPES[options.shape])
        about = machine(options.engine, scratch, options.device)
        print(f"gpu: {about['gpu'] or options.device}, {parameters / 1e9:.2f} billion parameters",
              flush=True)
        for method, precision in itertools.product(METHODS, PRECISIONS):
            figures = measure(method, precision, scratch, options)
            line = {"time": datetime.datetime.now(datetime.timezone.utc).isoformat(), **figures,
                    "parameters": parameters, **about}
            with open(options.results, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
