"""One fine-tuning step of a random Falcon-7B-shaped model: LoRA over frozen 4-bit blocks.

The model (32 layers, width 4544, 71 heads over one key head, vocabulary 65024; 6.9 G parameters) is
written as random Q4_0 blocks to a file of 3.9 GB, read natively, and removed afterwards. The step
trains rank 16 adapters on all linear layers with one row of 64 tokens. There is no peer: the
figure is the peak memory of the whole process, from start-up to the saved adapter.
"""

import json
import math

import harness

MINUTES = 4
TOKENS = 64


def write_row(bench):
    """A row of more than TOKENS tokens, which is cut."""
    path = bench.scratch / "row.jsonl"
    text = " ".join(f"Step {i}: read the error, then look at the log." for i in range(40))
    path.write_text(json.dumps({"text": text}) + "\n")
    return path


def read_step(folder):
    events = [json.loads(text) for text in (folder / "events.jsonl").read_text().splitlines()]
    start = next(event for event in events if event["event"] == "start")
    step = next(event for event in events if event["event"] == "step")
    figures = {name: step[name] for name in ("seconds", "loss", "grad_norm", "num_tokens")}
    if not (math.isfinite(figures["loss"]) and figures["grad_norm"] > 0):
        raise harness.Failed(f"nothing was trained: {figures}")
    return {**figures, "recompute": start["plan"]["recompute"]}


def run(bench):
    if any(line["leg"] == "ours" for line in bench.lines()):
        print("  measured already")
        return
    model, folder = bench.scratch / "falcon7b.gguf", bench.scratch / "run"
    bench.leg("model", [harness.PYTHON, harness.HERE / "legs" / "falcon7b_model.py", model,
                        harness.default_model()], packages=("gguf", "numpy"))
    bench.leg("ours", [harness.program("attune"), "train", "sft", "--model_name_or_path", model,
                       "--dataset_name", write_row(bench), "--output_dir", folder,
                       "--use_peft", "true", "--lora_r", "16", "--quantize", "native",
                       "--max_length", TOKENS, "--max_steps", 1,
                       "--per_device_train_batch_size", 1, "--save_strategy", "no"],
              read=lambda: read_step(folder), probe=True, packages=("torch",))


def summary(lines):
    ours = [line for line in lines if line["leg"] == "ours"]
    if not ours:
        return [("peak memory of one step", "not measured", "below 12 GiB")]
    last = ours[-1]
    tokens, seconds = last["figures"]["num_tokens"], last["figures"]["seconds"]
    return [("peak memory of one step", f"{last['run']['peak_rss_mib'] / 1024:.1f} GiB "
             f"({tokens} tokens, {seconds:.0f} s)", "below 12 GiB")]
