"""DPO of SmolLM2-135M on HH-RLHF pairs in fp32, all weights and LoRA, beside TRL's DPOTrainer.

Rows are prompt, chosen and rejected; 4 pairs a step, at most 512 tokens a side, and the same three
steps twice: the first time round warms up, since each step is of another size and the first of its
size asks the system for memory. TRL runs (a) in fp32 with its other defaults and (b) at its best:
reference precomputed, no recomputation of activations. LoRA begins from one adapter that both read,
so that their steps are the same. A round counts only when tokens, pairs and losses of all its steps
are equal.

Tokens are TRL's: real ones (no padding), a prompt counted once for each side. Speed is tokens a
second over the second time round, with the reference: the steps of (a) hold it, and where it is
computed beforehand (ours, and (b)) its time for all rows is added to theirs, though a second epoch
would not pay it again. "steps alone" leaves it out: what each further epoch costs.
"""

import json
import subprocess

import harness
from harness import Failed

MINUTES = 30
ROUNDS, LORA_ROUNDS = 3, 1
STEPS = 3  # of one time round
BATCH = 4
PROMPT_MAX = 1400  # characters: with more, a side of this sample may have over 512 tokens

SHARED = {"max_length": 512, "max_steps": 2 * STEPS, "learning_rate": 5e-6, "beta": 0.1,
          "train_sampling_strategy": "sequential", "per_device_train_batch_size": BATCH}
LORA = {"learning_rate": 1e-4}
FP32 = {"bf16": False}
TUNED = {**FP32, "gradient_checkpointing": False, "precompute_ref_log_probs": True}


def write_rows(bench):
    """The rows of one time round. A transcript's prompt ends with its last "Assistant:"."""
    rows = []
    for line in harness.sample_data("hh-rlhf", "helpful-200.jsonl").read_text().splitlines():
        row = json.loads(line)
        prompt, mark, chosen = row["chosen"].rpartition("\n\nAssistant:")
        same, _, rejected = row["rejected"].rpartition("\n\nAssistant:")
        if same != prompt or chosen == rejected or len(prompt) > PROMPT_MAX:
            continue
        rows.append({"prompt": prompt + mark, "chosen": chosen, "rejected": rejected})
        if len(rows) == STEPS * BATCH:
            return harness.write_rows(bench.scratch / "rows.jsonl", rows)
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
        words = [self.model, self.rows] + ([self.adapter] if self.adapter else [])
        return harness.trl_training(self.bench, name, "trl_dpo.py", words,
                                    {**SHARED, **self.more, **options}, ["peft", "accelerate"],
                                    pair=pair)

    def ours(self, name, pair):
        start = ["--model_name_or_path", self.adapter, "--use_peft", "true"] if self.adapter else \
                ["--model_name_or_path", self.model]
        return harness.our_training(self.bench, name, "dpo", start, self.rows,
                                    {**SHARED, **self.more}, figures_of, pair=pair)


def figures_of(steps, begin):
    """Ours, in the form of legs/trl_dpo.py."""
    return {**harness.columns(steps, "pairs"), "tokens": harness.tokens_of(steps),
            "margins": [step["rewards/margins"] for step in steps],
            "reference_seconds": begin["reference_seconds"]}


def run(bench):
    model, rows = harness.write_model(bench), write_rows(bench)
    full, lora = Legs(bench, model, rows), Legs(bench, model, rows, write_adapter(bench, model))
    bench.pairs(ROUNDS, {
        "ours": lambda pair: full.ours("ours", pair),
        "trl": lambda pair: full.trl("trl", FP32, pair),
        "trl_tuned": lambda pair: full.trl("trl_tuned", TUNED, pair),
    }, same("ours", "trl", "trl_tuned"))
    bench.pairs(LORA_ROUNDS, {
        "ours_lora": lambda pair: lora.ours("ours_lora", pair),
        "trl_lora": lambda pair: lora.trl("trl_lora", FP32, pair),
        "trl_lora_tuned": lambda pair: lora.trl("trl_lora_tuned", TUNED, pair),
    }, same("ours_lora", "trl_lora", "trl_lora_tuned"))


def same(ours, *theirs):
    def check(done):
        for peer in theirs:
            harness.require_same_training(done[ours], done[peer], ("tokens", "pairs"))
    return check


def speed(figures, with_reference):
    """Tokens a second of the second time round."""
    reference = figures["reference_seconds"] if with_reference else 0
    return sum(figures["tokens"][STEPS:]) / (sum(figures["seconds"][STEPS:]) + reference)


def summary(lines):
    harness.add_figures(lines, speed=lambda line: speed(line["figures"], True),
                        steps=lambda line: speed(line["figures"], False))
    return harness.ratios_of(lines, [
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
         "at most 0.5")])
