"""Tokenising English with GPT-2's vocabulary on one core, beside the `tokenizers` package.

Both read gpt2-codegen.tokenizer.json and encode tiny_shakespeare.txt in documents of about 10 kB,
one after the other on one thread. The ids of every document must be equal (a hash). Speed is bytes
of text a second of processor time; the first pass starts with empty caches, the others do not.
"""

import harness
from harness import Failed

MINUTES = 2
ROUNDS = 3
PASSES = 10  # after the first


def run(bench):
    bench.patience = 10  # others disturb processor time less than they do a wall clock
    files = [harness.sample_data("tokenizers", "gpt2-codegen.tokenizer.json"),
             harness.sample_data("pretrain-text", "tiny_shakespeare.txt"), PASSES]
    theirs = harness.HERE / "legs" / "tokenizers_encode.py"
    legs = {
        "ours": lambda pair: bench.leg(
            "ours", [harness.program("tokenizer_bench"), *files], pair=pair),
        "tokenizers": lambda pair: bench.leg(
            "tokenizers", [harness.PYTHON, theirs, *files], packages=("tokenizers",), pair=pair,
            env={"TOKENIZERS_PARALLELISM": "false"})}

    def same(done):
        found = {name: (line["figures"]["ids"], line["figures"]["hash"])
                 for name, line in done.items()}
        if len(set(found.values())) != 1:
            raise Failed(f"the ids differ: {found}")

    bench.pairs(ROUNDS, legs, same)


def summary(lines):
    found = []
    for figure, name in (("mb_per_s", "MB/s, warm"), ("first_mb_per_s", "MB/s, first pass")):
        speeds = [line["figures"][figure] for line in lines
                  if line["leg"] == "ours" and harness.counts(line)]
        found.append((name, harness.median_text(speeds, digits=1), "at least 20"))
        ratios = harness.pair_ratios(lines, "ours", "tokenizers", figure)
        found.append((f"{name}, ours / tokenizers", harness.median_text(ratios, digits=1), "above 1"))
    return found
