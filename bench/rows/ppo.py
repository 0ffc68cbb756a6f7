"""PPO of SmolLM2-135M in fp32, beside the last TRL that had it (1.12.0).

The algorithm is TRL's with its defaults but for sizes: 8 prompts a step at temperature 0.7, answers
never ended early; policy, reference, reward and value are four models of full size, of which policy and
value train; 4 epochs of one update over all answers, no clipping of gradients. A reward model with a
seeded head judges, and the value starts from it. TRL's trainer has a loop of its own that recomputes no
activations, so that fp32 is also its best. Log-probs are those captured while sampling on both sides.

Two workloads. `hh`: the first dialogues of HH-RLHF as they come, 53 tokens an answer (TRL's default):
prompts of many lengths, as people have them. `even`: beginnings of film reviews of 30 to 50 tokens and
32 an answer, where padding costs TRL next to nothing: the least that ours can be ahead by.

Equal results first: in the first step TRL learns from our answers in the place of its own, and scores,
entropy, value loss and policy loss, the last two means over the step's four updates, must be equal; so
must prompts, tokens and updates of every step. Time counts after that step, when each side learns from
what it sampled itself. An iteration is everything: sampling, scoring, updates.

Beside the same algorithm, on the prompts of hh and with figures of their own, since they are another:
policy and value LoRA roles on one trunk (the reference is the trunk alone), and value a head on the
policy's states, where all of the policy trains or a LoRA of it.

TRL 1.12.0 is not part of the set-up. Once:

    python3 -m venv FOLDER
    FOLDER/bin/pip install torch==2.13.0 trl==1.12.0 transformers==5.23.0 accelerate datasets
    ATTUNE_TRL_PPO_PYTHON=FOLDER/bin/python bench/run ppo
"""

import itertools
import json
import os
import shlex
import sys

import harness
from harness import Failed

MINUTES = 40
ROUNDS = 2
STEPS = 3  # the first warms up
PROMPTS = 8
EPOCHS = 4
# Tokens an answer, and a seed with which the first answers have no special token and come back when
# tokenised again.
WORKLOADS = {"hh": {"response_length": 53, "seed": 7}, "even": {"response_length": 32, "seed": 1}}
HH_CHARACTERS = 1400  # at most: with more, prompt and answer may have over 512 tokens
EVEN_CHARACTERS = (120, 200)  # about 30 to 50 tokens
TOLERANCES = {  # of the first step: relative, absolute
    "objective/scores": (1e-4, 1e-4), "objective/entropy": (1e-4, 0), "objective/kl": (0, 1e-3),
    "loss/value_avg": (1e-4, 0), "loss/policy_avg": (1e-3, 1e-5)}

SHARED = {"per_device_train_batch_size": PROMPTS, "learning_rate": 3e-6, "num_ppo_epochs": EPOCHS,
          "num_mini_batches": 1, "temperature": 0.7, "kl_coef": 0.05,
          "cliprange": 0.2, "cliprange_value": 0.2, "vf_coef": 0.1, "gamma": 1.0, "lam": 0.95}
OURS = {**SHARED, "preset": "trl", "max_steps": STEPS, "recompute_log_probs": False}
TRL = {**SHARED, "total_episodes": PROMPTS * STEPS, "bf16": False}
ROLES = {
    "ours": {"value_source": "separate"},
    "ours_adapter": {"value_source": "adapter", "use_peft": True, "lora_r": 16},
    "ours_head": {"value_source": "head"},
    "ours_head_lora": {"value_source": "head", "use_peft": True, "lora_r": 16},
}


def peer_python():
    path = os.environ.get("ATTUNE_TRL_PPO_PYTHON")
    if not path or not os.path.exists(path):
        raise Failed("set ATTUNE_TRL_PPO_PYTHON to a Python that has trl 1.12.0 "
                     "(bench/rows/ppo.py says how to make one)")
    return path


def hh_prompts():
    """A transcript's prompt ends with its last "Assistant:"."""
    dialogues = harness.sample_data("hh-rlhf", "helpful-200.jsonl")
    for line in dialogues.read_text().splitlines():
        prompt, mark, _ = json.loads(line)["chosen"].rpartition("\n\nAssistant:")
        if len(prompt) <= HH_CHARACTERS:
            yield prompt + mark


def even_prompts():
    """Beginnings of film reviews, which a model goes on with without coming to an end."""
    least, most = EVEN_CHARACTERS
    reviews = harness.sample_data("sentiment", "movie_reviews-1000.jsonl")
    for place, line in enumerate(reviews.read_text().splitlines()):
        length = least + (most - least) * place // PROMPTS
        yield json.loads(line)["text"][:length].rpartition(" ")[0]


def write_rows(bench, name, prompts):
    rows = [{"prompt": prompt} for prompt in itertools.islice(prompts, PROMPTS)]
    return harness.write_rows(bench.scratch / f"{name}.jsonl", rows)


def figures_of(steps, _begin):
    """Ours, in the form of legs/trl_ppo.py."""
    names = ("objective/scores", "objective/entropy", "objective/kl", "loss/policy_avg",
             "loss/value_avg")
    return {"prompts": [step["rows"] for step in steps],
            "response_tokens": [round(step["rows"] * step["completions/mean_length"])
                                for step in steps],
            "updates": [round(step["ppo/updates"]) for step in steps],
            "metrics": harness.columns(steps, *names)}


class Legs:
    """The two sides on one workload."""

    def __init__(self, bench, model, reward, workload, prompts):
        self.bench, self.python = bench, peer_python()
        self.model, self.reward = model, reward
        self.workload, self.settings = workload, WORKLOADS[workload]
        self.rows = write_rows(bench, workload, prompts)
        self.answers = bench.scratch / "answers.jsonl"

    def ours(self, name, pair):
        """With a second reward of weight 0 that writes the first step's answers down."""
        recorder = shlex.join([sys.executable, str(harness.HERE / "legs" / "recorder.py"),
                               str(self.answers), str(PROMPTS)])
        start = ["--model_name_or_path", self.model, "--reward_model_path", self.reward,
                 "--reward_command", recorder, "--reward_weights", "1,0"]

        def figures(steps, begin):
            answers = [json.loads(line) for line in self.answers.read_text().splitlines()]
            return {**figures_of(steps, begin), "answers": answers}

        return harness.our_training(self.bench, f"{self.workload}_{name}", "ppo", start, self.rows,
                                    {**OURS, **self.settings, **ROLES[name]}, figures, pair=pair)

    def trl(self, pair):
        """On the answers of ours in the same round, which came before."""
        ours, = (line for line in self.bench.lines()
                 if line["leg"] == f"{self.workload}_ours" and line.get("pair") == pair)
        harness.write_rows(self.answers, ours["figures"]["answers"])
        settings = {**TRL, "response_length": self.settings["response_length"]}
        return self.bench.leg(f"{self.workload}_trl",
                              [self.python, harness.HERE / "legs" / "trl_ppo.py", self.model,
                               self.reward, self.rows, self.answers, json.dumps(settings)],
                              settings=settings, pair=pair)

    def in_turn(self, same_algorithm, *others):
        """Legs by name: ours, TRL's, then ours in other roles."""
        ours = {f"{self.workload}_{name}": lambda pair, name=name: self.ours(name, pair)
                for name in (same_algorithm, *others)}
        first = f"{self.workload}_{same_algorithm}"
        return {first: ours.pop(first), f"{self.workload}_trl": self.trl, **ours}


def require_equal_work(line):
    """Of one side: as many prompts, answers' tokens and updates as asked for, in every step."""
    figures, (workload, _, side) = line["figures"], line["leg"].partition("_")
    tokens = PROMPTS * WORKLOADS[workload]["response_length"]
    wanted = {"prompts": PROMPTS, "response_tokens": tokens}
    if side != "trl":  # its loop knows no way out of an epoch
        wanted["updates"] = EPOCHS
    for name, value in wanted.items():
        if figures[name] != [value] * STEPS:
            raise Failed(f"{line['leg']}: {name} {figures[name]}, not {value} in each step")
    if len(figures["seconds"]) != STEPS:
        raise Failed(f"{line['leg']}: {len(figures['seconds'])} steps")


def require_equal_results(ours, theirs):
    """Of the first step, whose answers are the same."""
    for name, (relative, absolute) in TOLERANCES.items():
        a, b = ours["figures"]["metrics"][name][0], theirs["figures"]["metrics"][name][0]
        if not abs(a - b) <= relative * abs(b) + absolute:
            raise Failed(f"{name} of the same answers: {a}, TRL has {b}")


def same(done):
    for line in done.values():
        require_equal_work(line)
    for workload in WORKLOADS:
        if f"{workload}_trl" in done:
            require_equal_results(done[f"{workload}_ours"], done[f"{workload}_trl"])


def run(bench):
    model = harness.write_model(bench)
    reward = harness.write_reward_model(bench, model)
    hh = Legs(bench, model, reward, "hh", hh_prompts())
    even = Legs(bench, model, reward, "even", even_prompts())
    bench.pairs(ROUNDS, {**hh.in_turn(*ROLES), **even.in_turn("ours")}, same)


def speed(line):
    """Iterations a second after the first."""
    return (STEPS - 1) / sum(line["figures"]["seconds"][1:])


def summary(lines):
    harness.add_figures(lines, speed=speed)
    found = []
    for leg, peer, what, goal in (
            ("hh_ours", "hh_trl", "same algorithm", "at least 3"),
            ("even_ours", "even_trl", "same algorithm, even prompts", "reported"),
            ("hh_ours_adapter", "hh_trl", "value a LoRA role on the trunk", "at least 5"),
            ("hh_ours_head", "hh_trl", "value a head on the policy", "at least 5"),
            ("hh_ours_head_lora", "hh_trl", "value a head on a LoRA policy", "at least 5")):
        found += harness.ratios_of(lines, [
            ("speed", leg, peer, f"{what}: iterations a second, ours / TRL 1.12", goal),
            ("peak", leg, peer, f"{what}: peak memory, ours / TRL 1.12", "reported")])
    return found
