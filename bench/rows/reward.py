"""A reward model from whole rankings of K = 4 and K = 9 answers, beside TRL on their pairs, in fp32.

A ranking is a prompt of HH-RLHF with its own answer and those of other rows, in one random order: what
is measured does not depend on what people would say of them. Ours trains each ranking as one element
(prompt once, each answer once); TRL trains its C(K,2) pairs. Steps have the same rankings: all pairs of
a step's rankings are one batch of TRL's. Every ranking has as many pairs, so both losses are the mean
over pairs; a round counts only when they are equal in all steps. TRL runs in fp32 with its other
defaults, and at its best: without recomputing activations, the gradients of 12 pairs at a time added up
(all 36 pairs of nine answers at once need more than 24 GiB). Speed is rankings a second over the steps
after the first.
"""

import itertools
import json
import random

import harness
from harness import Failed

MINUTES = 45
ROUNDS = 2
STEPS = 3  # the first warms up
SIZES = {4: 2, 9: 1}  # K: rankings a step
PAIRS_AT_ONCE = 12  # of TRL at its best
PROMPT_MAX, ANSWER_MAX = 700, 350  # characters, so that no row has over 512 tokens

SHARED = {"max_length": 512, "max_steps": STEPS, "learning_rate": 1e-5,
          "train_sampling_strategy": "sequential"}
FP32 = {"bf16": False}


def rankings(size):
    """STEPS x SIZES[size] rankings of `size` answers."""
    dialogues = []
    for line in harness.sample_data("hh-rlhf", "helpful-200.jsonl").read_text().splitlines():
        prompt, mark, answer = json.loads(line)["chosen"].rpartition("\n\nAssistant:")
        if 8 < len(answer) <= ANSWER_MAX and len(prompt) <= PROMPT_MAX:
            dialogues.append((prompt + mark, answer))
    order = random.Random(42)
    order.shuffle(dialogues)
    answers = sorted({answer for _, answer in dialogues})
    result = []
    for prompt, own in dialogues[:STEPS * SIZES[size]]:
        others = order.sample([answer for answer in answers if answer != own], size - 1)
        result.append((prompt, order.sample([own, *others], size)))
    if len(result) < STEPS * SIZES[size]:
        raise Failed("the sample has too few dialogues")
    return result


def write_rows(bench, size):
    whole, pairs = [], []
    for prompt, answers in rankings(size):
        whole.append({"prompt": prompt, "completions": answers, "ranks": list(range(1, size + 1))})
        pairs += [{"prompt": prompt, "chosen": better, "rejected": worse}
                  for better, worse in itertools.combinations(answers, 2)]
    return (harness.write_rows(bench.scratch / f"rankings{size}.jsonl", whole),
            harness.write_rows(bench.scratch / f"pairs{size}.jsonl", pairs))


def pairs_of(size):
    return size * (size - 1) // 2


def trl_leg(bench, name, model, rows, settings, pair):
    return harness.trl_training(bench, name, "trl_reward.py", [model, rows], {**SHARED, **settings},
                                ["accelerate"], pair=pair)


def with_defaults(size):
    return {**FP32, "per_device_train_batch_size": SIZES[size] * pairs_of(size)}


def tuned(size):
    return {**FP32, "gradient_checkpointing": False, "per_device_train_batch_size": PAIRS_AT_ONCE,
            "gradient_accumulation_steps": SIZES[size] * pairs_of(size) // PAIRS_AT_ONCE}


def our_leg(bench, name, model, rows, size, pair):
    settings = {**SHARED, "per_device_train_batch_size": SIZES[size], "loss_type": "kwise",
                "normalise_rewards": "none"}

    def figures_of(steps, _begin):
        return {"pairs": [step["rows"] * pairs_of(size) for step in steps]}

    return harness.our_training(bench, name, "reward", ["--model_name_or_path", model], rows,
                                settings, figures_of, pair=pair)


def run(bench):
    model = harness.write_reward_model(bench, harness.write_model(bench))
    for size in SIZES:
        ours, theirs = write_rows(bench, size)
        names = {"ours": f"ours_k{size}", "trl": f"trl_k{size}", "tuned": f"trl_tuned_k{size}"}
        legs = {
            names["ours"]: lambda pair: our_leg(bench, names["ours"], model, ours, size, pair),
            names["trl"]: lambda pair: trl_leg(bench, names["trl"], model, theirs,
                                               with_defaults(size), pair),
            names["tuned"]: lambda pair: trl_leg(bench, names["tuned"], model, theirs, tuned(size),
                                                 pair),
        }

        def same(done):
            for peer in ("trl", "tuned"):
                harness.require_same_training(done[names["ours"]], done[names[peer]], ("pairs",))

        bench.pairs(ROUNDS, legs, same)


def speed(line):
    """Rankings a second after the first step."""
    rankings_a_step = SIZES[int(line["leg"].rpartition("_k")[2])]
    return rankings_a_step * (STEPS - 1) / sum(line["figures"]["seconds"][1:])


def summary(lines):
    harness.add_figures(lines, speed=speed)
    found = []
    for size, goal in ((4, "at least 8"), (9, "at least 15")):
        for peer, name in (("trl", "TRL in fp32, its other defaults"), ("trl_tuned", "TRL at its best")):
            legs = f"ours_k{size}", f"{peer}_k{size}"
            found += harness.ratios_of(lines, [
                ("speed", *legs, f"K = {size}: rankings a second, ours / {name}", goal),
                ("peak", *legs, f"K = {size}: peak memory, ours / {name}", "reported")])
    return found
