"""Rollouts of 16 prompts in fp32, beside Transformers' generate.

SmolLM2-135M-Instruct, 16 prompts of 37 to 112 tokens, 64 new tokens each, greedy, all cores. Prompts are
computed inside the time. Greedy texts must be equal; a pair of logits can lie closer than fp32 rounding in
another order, so one text of the 16 may part from its peer's.
"""

import json

import harness
from harness import Failed

MINUTES = 4
ROUNDS = 3
PROMPTS = 16
NEW_TOKENS = 64


def write_prompts(bench):
    """Golden questions, each with the first 0, 25, 50 and 75 tokens of its golden answer."""
    golden = json.loads((harness.ROOT / "tests" / "golden" / "generate" / "smollm2.json").read_text())
    plain = [case for case in golden["cases"] if not case["options"]]
    prompts = [case["prompt"] + case["ids"][:length] for length in (0, 25, 50, 75) for case in plain
               if len(case["ids"]) > length]
    path = bench.scratch / "prompts.json"
    path.write_text(json.dumps(prompts[:PROMPTS]))
    if len(prompts) < PROMPTS:
        raise Failed(f"only {len(prompts)} prompts")
    return path


def require_equal(lines):
    ours, theirs = lines["ours"]["figures"]["ids"], lines["transformers"]["figures"]["ids"]
    different = [number for number, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
    if len(different) > 1:
        raise Failed(f"the texts of prompts {different} differ")


def run(bench):
    what = [harness.write_model(bench), write_prompts(bench), NEW_TOKENS]
    peer = [harness.PYTHON, harness.HERE / "legs" / "transformers_rollout.py"]
    bench.pairs(ROUNDS, {
        "ours": lambda pair: bench.leg("ours", [harness.program("rollout_bench"), *what],
                                       packages=("torch",), pair=pair),
        "transformers": lambda pair: bench.leg("transformers", [*peer, *what],
                                               packages=("torch", "transformers"), pair=pair),
    }, same=require_equal)


def summary(lines):
    counted = [line for line in lines if harness.counts(line)]

    def speed(leg):
        return harness.median_text([line["figures"]["tokens_per_second"] for line in counted
                                    if line["leg"] == leg], digits=0)

    return [
        ("new tokens/s", speed("ours"), ""),
        ("Transformers, new tokens/s", speed("transformers"), ""),
        ("against Transformers", harness.median_text(harness.pair_ratios(
            lines, "ours", "transformers", "tokens_per_second"), "×"), ""),
    ]
