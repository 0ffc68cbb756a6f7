"""Reward against KL: a small replica of the frontier of the DPO paper, DPO and PPO at several settings.

After figure 2 of Rafailov et al. 2023 (arXiv 2305.18290), with what takes minutes: stories260K in the
place of GPT-2 large, and a reward whose truth is known, how glad a story is by the words of VADER's
lexicon (legs/lexicon_reward.py). As there, the reference is fine-tuned first: on beginnings of stories and
how it goes on for two sentences. Its own answers to other beginnings, four to each and
ordered by the truth, are the preferences, and from them learn

    preferred   fine-tuning on the best of the four
    dpo         on all pairs, at several beta
    ppo         against a reward model trained on the same rankings, at several kl_coef
    ppo_truth   against the truth itself, at the same kl_coef

Each setting is trained once for each round, with a seed of its own. Reward and KL are those of answers to
beginnings that nothing was trained on, at temperature 1; KL is in nats an answer.

`bench/run --plot frontier` draws results/frontier.svg from the raw lines.
"""

import json
import re
import shlex
import statistics
import subprocess
import sys

import harness
import picture
from harness import Failed

sys.path.insert(0, str(harness.HERE / "legs"))
import lexicon_reward  # noqa: E402

MINUTES = 15
ROUNDS = 2
TUNING, TRAIN, HELD_OUT = 1536, 384, 192  # beginnings
SAMPLES, TOKENS = 4, 64
STARTS = ("Once upon a time, there was a", "One day, a little", "Lily and Ben", "Tom was", "Mom and dad",
          "The sun was", "In the park,", "A big dog", "Sara had a", "There was a bird", "Max wanted to",
          "It was a cold day")
TUNE = {"num_train_epochs": 3, "per_device_train_batch_size": 16, "learning_rate": 1e-3}
PREFERRED = {"num_train_epochs": 3, "per_device_train_batch_size": 16, "learning_rate": 5e-4}
DPO = {"num_train_epochs": 4, "per_device_train_batch_size": 16, "learning_rate": 3e-4}
REWARD = {"num_train_epochs": 2, "per_device_train_batch_size": 16, "learning_rate": 1e-3}
PPO = {"max_steps": 40, "per_device_train_batch_size": 32, "learning_rate": 3e-4,
       "response_length": TOKENS, "temperature": 1.0, "num_ppo_epochs": 2, "num_mini_batches": 2}
BETAS = (0.01, 0.03, 0.1, 0.3, 1.0)
KL_COEFFICIENTS = (0.02, 0.05, 0.15, 0.5)
KL_LIMITS = (3, 10)  # nats an answer: the best reward below each is in the summary
METHODS = {"preferred": "fine-tuned on the best", "dpo": "DPO", "ppo": "PPO, learnt reward",
           "ppo_truth": "PPO, true reward"}


def words_of(settings):
    return [str(word) for key, value in settings.items() for word in (f"--{key}", value)]


def sampling(samples, tokens, seed):
    return words_of({"do_sample": "true", "temperature": 1.0, "top_k": 0, "top_p": 1.0,
                     "num_return_sequences": samples, "max_new_tokens": tokens, "seed": seed})


def two_sentences(text):
    """The beginning with two ends of a sentence; nothing when there are fewer."""
    found = re.match(r"(?:[^.!?]*[.!?]+){2}", text)
    return found.group() if found else ""


def after(prompt, text):
    """How `text` goes on behind `prompt`, which ends with a word: this model's tokenizer drops the
    blank at the beginning of a text."""
    return prompt + (" " if text[:1].isalpha() else "") + text


class Experiment:
    """What all points share: made once a call, the same in every call on one machine."""

    def __init__(self, bench):
        self.bench = bench
        bench.patience = 0  # no time is measured
        self.attune = harness.program("attune")
        self.base = harness.sample_data("models", "stories260K", "stories260K.bin")
        self.lexicon = harness.sample_data("lexicons", "vader_lexicon.txt")
        beginnings = self.beginnings()
        self.reference = self.tuned(beginnings[:TUNING])
        self.prompts = self.write("prompts", [{"prompt": text} for text in
                                              beginnings[TUNING:TUNING + TRAIN]])
        self.held_out = self.write("held_out", [{"prompt": text} for text in
                                                beginnings[TUNING + TRAIN:]])
        self.rankings, self.best = self.preferences(beginnings[TUNING:TUNING + TRAIN])

    def run(self, *words, rows=()):
        done = subprocess.run([str(word) for word in (self.attune, *words)], capture_output=True,
                              text=True, input="".join(json.dumps(row) + "\n" for row in rows))
        if done.returncode != 0:
            raise Failed(done.stderr[-3000:])
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def write(self, name, rows):
        return harness.write_rows(self.bench.scratch / f"{name}.jsonl", rows)

    def sample(self, model, prompts, samples, tokens, seed):
        """The completions, [prompt][sample]."""
        found = self.run("generate", "--model_name_or_path", model,
                         *sampling(samples, tokens, seed),
                         rows=[{"prompt": text} for text in prompts])
        return [row["completions"] for row in found]

    def beginnings(self):
        """All different, in an order that mixes the starts."""
        wanted = TUNING + TRAIN + HELD_OUT
        found = self.sample(self.base, STARTS, 4 * wanted // len(STARTS), 10, 11)
        texts = dict.fromkeys(after(start, completions[number]["text"]).rpartition(" ")[0]
                              for number in range(len(found[0]))
                              for start, completions in zip(STARTS, found))
        if len(texts) < wanted:
            raise Failed(f"only {len(texts)} beginnings")
        return list(texts)[:wanted]

    def tuned(self, beginnings):
        """The reference: the model after fine-tuning on stories that come to an end."""
        found = self.sample(self.base, beginnings, 1, TOKENS, 12)
        rows = [{"prompt": text, "completion": after("", two_sentences(completions[0]["text"]))}
                for text, completions in zip(beginnings, found)]
        rows = self.write("tuning", [row for row in rows if row["completion"]])
        return self.train("reference", "sft", self.base, rows, {**TUNE, "seed": 1})

    def train(self, name, recipe, model, rows, settings):
        folder = self.bench.scratch / name
        self.run("train", recipe, "--model_name_or_path", model, "--dataset_name", rows,
                 "--output_dir", folder, "--save_strategy", "no", *words_of(settings))
        return folder / "final"

    def preferences(self, prompts):
        """Files: whole rankings, and the best answer to each prompt."""
        truth = lexicon_reward.read_lexicon(self.lexicon)
        rankings, best = [], []
        sampled = self.sample(self.reference, prompts, SAMPLES, TOKENS, 13)
        for prompt, found in zip(prompts, sampled):
            texts = list(dict.fromkeys(after("", completion["text"]) for completion in found
                                       if completion["finish_reason"] == "stop"))
            worth = [lexicon_reward.reward(truth, text) for text in texts]
            if len(set(worth)) < 2:
                continue  # nothing to prefer
            ranks = [1 + sum(other > own for other in worth) for own in worth]
            rankings.append({"prompt": prompt, "completions": texts, "ranks": ranks})
            best.append({"prompt": prompt, "completion": texts[ranks.index(1)]})
        return self.write("rankings", rankings), self.write("best", best)

    def reward_model(self, seed):
        """Trained where it is asked for first."""
        name = f"reward_{seed}"
        folder = self.bench.scratch / name / "final"
        if folder.exists():
            return folder
        return self.train(name, "reward", self.reference, self.rankings, {**REWARD, "seed": seed})

    def words(self, method, setting, seed):
        """What `attune train` is told."""
        if method == "preferred":
            return ["sft", "--dataset_name", self.best, *words_of(PREFERRED)]
        if method == "dpo":
            return ["dpo", "--dataset_name", self.rankings, *words_of({**DPO, "beta": setting})]
        if method == "ppo":
            judge = ["--reward_model_path", self.reward_model(seed)]
        else:
            program = [sys.executable, harness.HERE / "legs" / "lexicon_reward.py", self.lexicon]
            judge = ["--reward_command", shlex.join(str(word) for word in program)]
        settings = {**PPO, "kl_coef": setting}
        return ["ppo", "--dataset_name", self.prompts, *judge, *words_of(settings)]

    def point(self, name, method, setting, pair):
        """A leg; its line has `method` and `setting` too."""
        seed = pair + 1
        train = [] if method == "reference" else [
            *self.words(method, setting, seed), "--model_name_or_path", self.reference,
            "--seed", str(seed)]
        spec = {"attune": self.attune, "train": train, "reference": self.reference,
                "prompts": self.held_out, "sampling": sampling(SAMPLES, TOKENS, 14),
                "lexicon": self.lexicon, "folder": self.bench.scratch}
        return self.bench.leg(name, [harness.PYTHON, harness.HERE / "legs" / "frontier_point.py",
                                     json.dumps(spec, default=str)],
                              method=method, setting=setting, pair=pair)


def points():
    """[(name, method, setting)]"""
    found = [("reference", "reference", None), ("preferred", "preferred", None)]
    found += [(f"dpo beta {beta}", "dpo", beta) for beta in BETAS]
    for method in ("ppo", "ppo_truth"):
        found += [(f"{method} kl_coef {weight}", method, weight) for weight in KL_COEFFICIENTS]
    return found


def run(bench):
    experiment = Experiment(bench)
    bench.pairs(ROUNDS, {name: lambda pair, name=name, method=method, setting=setting:
                         experiment.point(name, method, setting, pair)
                         for name, method, setting in points()})


def value(line, figure):
    return line["figures"][figure]["value"]


def summary(lines):
    if not lines:
        return [("reward against KL", "not measured", "reported")]
    start = [value(line, "reward") for line in lines if line["method"] == "reference"]
    found = [("reward of the reference", harness.median_text(start), "reported")]
    for limit in KL_LIMITS:
        for method, name in METHODS.items():
            below = [value(line, "reward") for line in lines
                     if line["method"] == method and value(line, "kl") <= limit]
            best = f"{max(below):.2f}" if below else "none"
            found.append((f"best reward below {limit} nats, {name}", best, "reported"))
    return found


def plot(lines):
    """One mark a run, one line a method through the means of its settings."""
    series = []
    for method, name in {"reference": "reference", **METHODS}.items():
        runs = [line for line in lines if line["method"] == method]
        marks = [picture.Mark(line["figures"]["kl"], line["figures"]["reward"],
                              f"{line['leg']}, seed {line['pair'] + 1}") for line in runs]
        settings = sorted({line["setting"] for line in runs if line["setting"] is not None})
        means = [tuple(statistics.fmean(value(line, figure) for line in runs
                                        if line["setting"] == setting)
                       for figure in ("kl", "reward")) for setting in settings]
        series.append(picture.Series(name, marks, sorted(means)))
    return picture.scatter("Reward against KL, stories260K", "KL to the reference, nats an answer",
                           "reward: gladness by VADER's words", series)
