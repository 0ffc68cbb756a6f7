"""Full fp32 fine-tuning of SmolLM2-135M on Dolly rows, beside TRL's SFTTrainer.

Rows are prompt and completion; batch 4, at most 512 tokens a row, loss on the completion. TRL runs
(a) in fp32 with its other defaults and (b) at its best settings, found among CANDIDATES. Ours runs
with the same rows in each step, and a round counts only when tokens, trained tokens and losses of
all its steps are equal. Speed is real (not padding) tokens a second over the steps after the first.

The share of the machine's peak counts what the loss needs: of a step with N tokens, R of them
trained, and P pairs of a query and a key it may see,

    6 * B * N + 6 * H * R + 12 * L * q * P

floating-point operations, with B parameters of the blocks' matrices, H of the head, L layers and
q = heads * head width; a forward product and its two backward products are 2 operations a parameter
each, attention has two products forward and four backward. Nothing recomputed, padded or scored
without loss counts. The peak is the mean of the probes right before and after the leg.
"""

import json
import random

import harness

MINUTES = 12
ROUNDS = 3
STEPS = 3  # the first warms up
PROMPT_MAX = 2000  # characters; longer ones of this sample have more than 512 tokens
BLOCK_PARAMETERS, HEAD_PARAMETERS, LAYERS, QUERY_WIDTH = 106_168_320, 28_311_552, 30, 576

SHARED = {"max_length": 512, "max_steps": STEPS, "learning_rate": 2e-5,
          "train_sampling_strategy": "sequential", "per_device_train_batch_size": 4}
FP32 = {"bf16": False}
PLAIN = {**FP32, "gradient_checkpointing": False}
# TRL's settings by name. What ours must share so that its steps have the same rows is in COMMON.
CANDIDATES = {
    "length_grouped": {**PLAIN, "train_sampling_strategy": "group_by_length"},
    "padding_free": {**PLAIN, "padding_free": True, "max_length": None},  # which cuts no rows
    "packed": {**PLAIN, "packing": True, "per_device_train_batch_size": 1,
               "gradient_accumulation_steps": 4},
}
COMMON = ("train_sampling_strategy", "packing", "max_length", "per_device_train_batch_size",
          "gradient_accumulation_steps")


def write_rows(bench):
    """Dolly in TRL's prompt and completion form, in one random order: the first rows of the file are
    longer than most. The few whose prompt fills a row are left out: they train nothing, and ours
    drops them where TRL computes them."""
    lines = harness.sample_data("dolly", "dolly-100.jsonl").read_text().splitlines()
    random.Random(42).shuffle(lines)
    rows = []
    for row in map(json.loads, lines):
        if len(row["instruction"]) + len(row["context"]) > PROMPT_MAX:
            continue
        context = row["context"].strip()
        question = row["instruction"].strip() + (f"\n\n{context}" if context else "")
        rows.append({"prompt": f"### Question\n{question}\n\n### Answer\n",
                     "completion": row["response"].strip()})
    return harness.write_rows(bench.scratch / "rows.jsonl", rows)


def trl_leg(bench, name, model, rows, options, **more):
    return harness.trl_training(bench, name, "trl_sft.py", [model, rows], {**SHARED, **options},
                                ["accelerate"], **more)


def figures_of(steps, _begin):
    """Ours, in the form of legs/trl_sft.py."""
    return {**harness.columns(steps, "trained_tokens"), "tokens": harness.tokens_of(steps)}


def our_leg(bench, name, model, rows, options, **more):
    settings = {**SHARED, **{key: value for key, value in options.items() if key in COMMON}}
    return harness.our_training(bench, name, "sft", ["--model_name_or_path", model], rows, settings,
                                figures_of, **more)


def require_equal(ours, theirs):
    harness.require_same_training(ours, theirs, ("tokens", "trained_tokens"))


def speed(line):
    """Real tokens a second after the first step."""
    figures = line["figures"]
    return sum(figures["tokens"][1:]) / sum(figures["seconds"][1:])


def needed_gflops(figures, step):
    return (6 * BLOCK_PARAMETERS * figures["tokens"][step] +
            6 * HEAD_PARAMETERS * figures["trained_tokens"][step] +
            12 * LAYERS * QUERY_WIDTH * figures["attention_pairs"][step]) * 1e-9


def best_candidate(bench, model, rows):
    """TRL's fastest settings, by one timed step each. Our code has no part in it, so that lines of
    other versions count."""
    found, lines = {}, bench.lines(any_version=True)
    for name, options in CANDIDATES.items():
        done = [line for line in lines if line["leg"] == f"search {name}"]
        found[name] = done[0] if done else trl_leg(bench, f"search {name}", model, rows,
                                                   {**options, "max_steps": 2})
    best = max(found, key=lambda name: speed(found[name]))
    print("  TRL, real tokens a second: " +
          ", ".join(f"{name} {speed(line):.0f}" for name, line in found.items()), flush=True)
    return best


def run(bench):
    model, rows = harness.write_model(bench), write_rows(bench)
    plain = {
        "ours": lambda pair: our_leg(bench, "ours", model, rows, FP32, pair=pair),
        "trl": lambda pair: trl_leg(bench, "trl", model, rows, FP32, pair=pair),
    }
    bench.pairs(1, plain, lambda done: require_equal(done["ours"], done["trl"]))
    best = best_candidate(bench, model, rows)
    settings = CANDIDATES[best]
    tuned = {
        "ours_tuned": lambda pair: our_leg(bench, "ours_tuned", model, rows, settings, pair=pair),
        "trl_tuned": lambda pair: trl_leg(bench, "trl_tuned", model, rows, settings, pair=pair,
                                          candidate=best),
    }

    def same(done):
        require_equal(done["ours"], done["trl"])
        require_equal(done["ours_tuned"], done["trl_tuned"])

    bench.pairs(ROUNDS, {**plain, **tuned}, same)


def shares_of_peak(lines, ours, theirs):
    """Needed operations over what the measured peak allows, for each round that counts."""
    pairs = {line["pair"]: line["figures"]["attention_pairs"] for line in lines
             if line["leg"] == theirs}
    shares = []
    for line in lines:
        if line["leg"] != ours or not harness.counts(line) or line["pair"] not in pairs:
            continue
        figures = {**line["figures"], "attention_pairs": pairs[line["pair"]]}
        work = sum(needed_gflops(figures, step) for step in range(1, STEPS))
        peak = sum(probe["fp32_gflops"] for probe in line["run"]["probes"]) / 2
        shares.append(100 * work / sum(figures["seconds"][1:]) / peak)
    return shares


def summary(lines):
    harness.add_figures(lines, speed=speed)
    found = []
    for ours, theirs, target, of in (("ours", "trl", 3, "TRL in fp32, its other defaults"),
                                     ("ours_tuned", "trl_tuned", 2, "TRL at its best settings")):
        found += harness.ratios_of(lines, [
            ("speed", ours, theirs, f"real tokens a second, ours / {of}", f"at least {target}"),
            ("peak", ours, theirs, f"peak memory, ours / {of}", "below 1")])
        shares = shares_of_peak(lines, ours, theirs)
        found.append((f"share of the machine's fp32 peak, the rows of {of}",
                      harness.median_text(shares, " %", 0), "at least 75 %"))
    return found
