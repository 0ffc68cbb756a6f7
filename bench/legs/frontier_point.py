"""One point of the frontier of reward against KL (rows/frontier.py): frontier_point.py SPEC, JSON with

    attune       the program
    train        words of `attune train` without an output directory; none: the reference itself
    reference    the model that the KL is against
    prompts      rows of prompts that nothing was trained on
    sampling     words for `attune generate` and `attune evaluate kl`, which sample alike
    lexicon      of the reward
    folder       to work in

Trains, answers the prompts, and prints the mean reward and the KL of the answers, with 95 % intervals over
prompts.
"""

import json
import math
import pathlib
import statistics
import subprocess
import sys

import lexicon_reward


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))}\n{done.stderr[-3000:]}")
    return done.stdout


def rows_of(text):
    return [json.loads(line) for line in text.splitlines()]


def train(spec, folder):
    """The model, and the steps of its training."""
    if not spec["train"]:
        return spec["reference"], 0
    run(spec["attune"], "train", *spec["train"], "--output_dir", folder / "run",
        "--overwrite_output_dir", "true", "--save_strategy", "no")
    events = rows_of((folder / "run" / "events.jsonl").read_text())
    return folder / "run" / "final", sum(event["event"] == "step" for event in events)


def reward_of(spec, model):
    """{"value", "low", "high", "tokens"} and an answer to look at."""
    said = rows_of(run(spec["attune"], "generate", "--model_name_or_path", model, "--data",
                       spec["prompts"], *spec["sampling"]))
    lexicon = lexicon_reward.read_lexicon(spec["lexicon"])
    means = [statistics.fmean(lexicon_reward.reward(lexicon, completion["text"])
                              for completion in row["completions"]) for row in said]
    value, error = statistics.fmean(means), statistics.stdev(means) / math.sqrt(len(means))
    tokens = statistics.fmean(completion["tokens"] for row in said
                              for completion in row["completions"])
    return {"value": value, "low": value - 1.96 * error, "high": value + 1.96 * error,
            "tokens": tokens}, said[0]["completions"][0]["text"]


def kl_of(spec, model):
    found = json.loads(run(spec["attune"], "evaluate", "kl", "--model_name_or_path", model,
                           "--other_model_name_or_path", spec["reference"], "--data",
                           spec["prompts"], "--json", *spec["sampling"]))
    kl, = (figure for figure in found["figures"] if figure["name"] == "kl")
    return {name: kl[name] for name in ("value", "low", "high")}


def main():
    spec = json.loads(sys.argv[1])
    model, steps = train(spec, pathlib.Path(spec["folder"]))
    reward, answer = reward_of(spec, model)
    print(json.dumps({"reward": reward, "kl": kl_of(spec, model), "steps": steps,
                      "answer": answer}))


if __name__ == "__main__":
    main()
