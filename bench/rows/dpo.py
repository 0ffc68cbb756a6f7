"""DPO of SmolLM2-135M on HH-RLHF pairs in fp32, all weights and LoRA, beside TRL's DPOTrainer.

Rows are prompt, chosen and rejected; 4 pairs a step, at most 512 tokens a side. TRL runs (a) in fp32
with its other defaults and (b) at its best: reference precomputed, no recomputation of activations.
LoRA begins from one adapter that both read, so that their steps are the same. A round counts only
when tokens, pairs and losses of all its steps are equal.

Tokens are TRL's: real ones (no padding), a prompt counted once for each side. Speed is tokens a
second over the steps after the first, with the reference: the steps of (a) hold it, and where it is
computed beforehand (ours, and (b)) its time for these rows is added to theirs. "steps alone" leaves
it out: what each further epoch over the same rows costs.
"""

import json
import subprocess

import harness
from harness import Failed

MINUTES = 35
ROUNDS = 3
STEPS = 3  # the first warms up
BATCH = 4
PROMPT_MAX = 1400  # characters: with more, a side of this sample may have over 512 tokens
TOLERANCE = 1e-4  # of the loss, relative
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate")

SHARED = {"max_length": 512, "max_steps": STEPS, "learning_rate": 5e-6, "beta": 0.1,
          "train_sampling_strategy": "sequential", "per_device_train_batch_size": BATCH}
LORA = {"learning_rate": 1e-4}
FP32 = {"bf16": False}
TUNED = {**FP32, "gradient_checkpointing": False, "precompute_ref_log_probs": True}
OURS = set(SHARED)  # what our runs are told; the rest are TRL's own matters


def write_rows(bench):
    """The rows of the steps, no more: a reference is then computed for these alone. A transcript's
    prompt ends with its last "Assistant:"."""
    path = bench.scratch / "rows.jsonl"
    written = 0
    with path.open("w") as file:
        for line in harness.sample_data("hh-rlhf", "helpful-200.jsonl").read_text().splitlines():
            row = json.loads(line)
            prompt, mark, chosen = row["chosen"].rpartition("\n\nAssistant:")
            same, _, rejected = row["rejected"].rpartition("\n\nAssistant:")
            if same != prompt or chosen == rejected or len(prompt) > PROMPT_MAX:
                continue
            file.write(json.dumps({"prompt": prompt + mark, "chosen": chosen, "rejected": rejected}) +
                       "\n")
            written += 1
            if written == STEPS * BATCH:
                return path
    raise Failed("the sample has too few pairs")


def write_adapter(bench, model):
    folder = bench.scratch / "adapter"
    subprocess.run([harness.PYTHON, harness.HERE / "legs" / "peft_adapter.py", model, folder],
                   check=True, capture_output=True)
    return folder


class Legs:
    """The two sides on one model; with an adapter, LoRA."""

    def __init__(self, bench, model, rows, adapter=None):
        self.bench, self.model, self.rows, self.adapter = bench, model, rows, adapter
        self.more = LORA if adapter else {}

    def trl(self, name, options, pair):
        settings = {**SHARED, **self.more, **options}
        command = [harness.PYTHON, harness.HERE / "legs" / "trl_dpo.py", self.model, self.rows,
                   json.dumps(settings)] + ([self.adapter] if self.adapter else [])
        return self.bench.leg(name, command, packages=PACKAGES, settings=settings, pair=pair)

    def ours(self, name, pair):
        settings = {**SHARED, **self.more}
        folder = self.bench.scratch / "run"
        start = ["--model_name_or_path", self.adapter, "--use_peft", "true"] if self.adapter else \
                ["--model_name_or_path", self.model]
        command = [harness.program("attune"), "train", "dpo", *start, "--dataset_name", self.rows,
                   "--output_dir", folder, "--overwrite_output_dir", "true", "--save_strategy", "no"]
        for key, value in settings.items():
            command += [f"--{key}", str(value).lower()]
        return self.bench.leg(name, command, read=lambda: read_events(folder), probe=True,
                              packages=("torch",), settings=settings, pair=pair)


def read_events(folder):
    """The figures of our run, in the form of legs/trl_dpo.py."""
    events = [json.loads(text) for text in (folder / "events.jsonl").read_text().splitlines()]
    steps = [event for event in events if event["event"] == "step"]
    start = next(event for event in events if event["event"] == "start")
    totals = [0] + [step["num_tokens"] for step in steps]
    figures = {name: [step[name] for step in steps]
               for name in ("seconds", "loss", "grad_norm", "pairs")}
    figures["margins"] = [step["rewards/margins"] for step in steps]
    figures["tokens"] = [after - before for before, after in zip(totals, totals[1:])]
    figures["reference_seconds"] = start["reference_seconds"]
    return figures


def require_equal(ours, theirs):
    """The same tokens, pairs and losses in every step."""
    mine, other = ours["figures"], theirs["figures"]
    for name in ("tokens", "pairs"):
        if mine[name] != other[name]:
            raise Failed(f"{ours['leg']}: {name} {mine[name]}, {theirs['leg']} has {other[name]}")
    for step, (a, b) in enumerate(zip(mine["loss"], other["loss"], strict=True), 1):
        if not abs(a - b) <= TOLERANCE * b:
            raise Failed(f"{ours['leg']}: loss {a} in step {step}, {theirs['leg']} has {b}")
    if min(mine["grad_norm"]) <= 0:
        raise Failed(f"{ours['leg']}: a gradient of zero")


def run(bench):
    model, rows = harness.write_model(bench), write_rows(bench)
    full, lora = Legs(bench, model, rows), Legs(bench, model, rows, write_adapter(bench, model))
    legs = {
        "ours": lambda pair: full.ours("ours", pair),
        "trl": lambda pair: full.trl("trl", FP32, pair),
        "trl_tuned": lambda pair: full.trl("trl_tuned", TUNED, pair),
        "ours_lora": lambda pair: lora.ours("ours_lora", pair),
        "trl_lora": lambda pair: lora.trl("trl_lora", FP32, pair),
        "trl_lora_tuned": lambda pair: lora.trl("trl_lora_tuned", TUNED, pair),
    }

    def same(done):
        for theirs in ("trl", "trl_tuned"):
            require_equal(done["ours"], done[theirs])
        for theirs in ("trl_lora", "trl_lora_tuned"):
            require_equal(done["ours_lora"], done[theirs])

    bench.pairs(ROUNDS, legs, same)


def speed(figures, with_reference):
    """Tokens a second after the first step."""
    tokens = sum(figures["tokens"][1:])
    share = tokens / sum(figures["tokens"])
    reference = figures["reference_seconds"] * share if with_reference else 0
    return tokens / (sum(figures["seconds"][1:]) + reference)


def summary(lines):
    for line in lines:
        line["figures"]["speed"] = speed(line["figures"], True)
        line["figures"]["steps"] = speed(line["figures"], False)
        line["figures"]["peak"] = line["run"]["peak_rss_mib"]
    found = []
    for figure, ours, theirs, name, goal in (
            ("speed", "ours", "trl", "tokens a second, ours / TRL in fp32, its other defaults",
             "at least 5"),
            ("speed", "ours", "trl_tuned", "tokens a second, ours / TRL at its best", "at least 2.5"),
            ("steps", "ours", "trl_tuned", "the same, steps alone", "reported"),
            ("speed", "ours_lora", "trl_lora", "LoRA: tokens a second, ours / TRL in fp32", "reported"),
            ("speed", "ours_lora", "trl_lora_tuned", "LoRA: tokens a second, ours / TRL at its best",
             "reported"),
            ("peak", "ours", "trl", "peak memory, ours / TRL in fp32", "below 1"),
            ("peak", "ours_lora", "trl_lora", "LoRA: peak memory, ours / TRL in fp32", "at most 0.5"),
            ("peak", "ours_lora", "trl_lora_tuned", "LoRA: peak memory, ours / TRL at its best",
             "at most 0.5")):
        ratios = harness.pair_ratios(lines, ours, theirs, figure)
        found.append((name, harness.median_text(ratios), goal))
    return found
