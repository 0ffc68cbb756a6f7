"""A reward model from people's rankings: SmolLM2-135M on the Open Assistant sample, on trees it has not seen.

Of 100 conversation trees a third is held out, so that no prompt of a held-out ranking was trained on. Whole
rankings train (K-wise, all weights, one epoch); the figure is how often the model orders two answers as
people did, with the 95 % interval over rankings, beside always preferring the longer answer. It is
reported, not asserted: 140 rankings are few.

People's own agreement is not in this file: each ranking is already the merged one of several people.
Where it is published, on other data: InstructGPT's labellers agreed in 72.6 +- 1.5 % (arXiv 2203.02155), those
of the summaries in 73 to 77 % (arXiv 2009.01325).
"""

import json
import random
import subprocess

import harness

MINUTES = 8
SETTINGS = {"num_train_epochs": 1, "per_device_train_batch_size": 4, "learning_rate": 2e-5,
            "warmup_ratio": 0.1, "max_length": 2048, "eval_strategy": "epoch", "seed": 42}


def write_rows(bench):
    """(trained on, held out)"""
    rows = bench.scratch / "oasst.jsonl"
    subprocess.run([harness.program("attune"), "import", "--format", "oasst", "--data",
                    harness.sample_data("oasst", "en_100_tree.jsonl"), "--output", rows],
                   check=True, capture_output=True)
    by_tree = {}
    for row in map(json.loads, rows.read_text().splitlines()):
        by_tree.setdefault(row["message_tree_id"], []).append(row)
    trees = sorted(by_tree)
    random.Random(42).shuffle(trees)
    held_out = len(trees) // 3
    parts = (trees[held_out:], trees[:held_out])
    return [harness.write_rows(bench.scratch / f"{name}.jsonl",
                               [row for tree in part for row in by_tree[tree]])
            for name, part in zip(("train", "held_out"), parts)]


def run(bench):
    bench.patience = 0  # no time is measured
    model = harness.write_model(bench)
    train, held_out = write_rows(bench)

    def figures(_steps, _begin):
        found = json.loads((bench.scratch / "run" / "reward_evaluation.json").read_text())
        report = json.loads((bench.scratch / "run" / "data_report.json").read_text())
        return {"preferences": found["preferences"],
                "rankings": {part: report[part]["rows"]["used"] for part in ("train", "evaluation")}}

    start = ["--model_name_or_path", model, "--eval_dataset_name", held_out]
    bench.pairs(1, {"ours": lambda pair: harness.our_training(bench, "ours", "reward", start, train,
                                                              SETTINGS, figures, pair=pair)})


def percent(accuracy, interval=None):
    text = f"{100 * accuracy:.1f} %"
    return f"{text} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})" if interval else text


def summary(lines):
    if not lines:
        return [("held-out pairs ordered as people did", "not measured", "reported")]
    figures = lines[-1]["figures"]
    found, rankings = figures["preferences"], figures["rankings"]
    return [
        (f"held-out pairs ordered as people did ({found['pairs']} of {rankings['evaluation']} "
         f"rankings, {rankings['train']} trained on)",
         percent(found["accuracy"], found["interval"]), "reported"),
        ("the same, by length alone", percent(found["always_the_longer"]["accuracy"]), "reported"),
        ("people's own agreement", "not in this export; 72.6 % of InstructGPT's labellers", ""),
    ]
