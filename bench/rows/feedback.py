"""What feedback/ makes of a million answers: agreement, aggregation, signs about raters, on one machine.

Three people answer each item, out of a thousand who err at rates of their own. Results that have a plain formula
are checked against it before anything is timed. Each figure is the best of three rounds in seconds of processor time; nobody else's
program is beside it: there is none that computes all of these.
"""

import harness

MINUTES = 2
ROUNDS = 2
ANSWERS = 1_000_000


def run(bench):
    bench.patience = 10
    bench.pairs(ROUNDS, {"ours": lambda pair: bench.leg(
        "ours", [harness.program("feedback_bench"), ANSWERS], pair=pair)})


def summary(lines):
    own = [line["figures"] for line in lines if line["leg"] == "ours" and harness.counts(line)]
    names = [name for name in (own[0] if own else {}) if name != "answers"]
    return [(f"{name.replace('_', ' ')}, s",
             harness.median_text([figures[name] for figures in own], digits=2), "below 1")
            for name in names]
