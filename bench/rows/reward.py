"""A reward model from whole rankings of K = 4 and K = 9 answers, beside TRL on their pairs, in fp32.

A ranking is a prompt of HH-RLHF with its own answer and those of other rows, in one random order: what
is measured does not depend on what people would say of them. Ours trains each ranking as one element
(prompt once, each answer once); TRL trains its C(K,2) pairs. Steps have the same rankings: all pairs of
a step's rankings are one batch of TRL's. Every ranking has as many pairs, so both losses are the mean
over pairs; a round counts only when they are equal in all steps. TRL runs in fp32 with its other
defaults, and at its best: without recomputing activations. Speed is rankings a second over the steps
after the first.
"""

import json
import random
import subprocess

import harness
from harness import Failed

MINUTES = 45
ROUNDS = 2
STEPS = 3  # the first warms up
SIZES = {4: 2, 9: 1}  # K: rankings a step
PROMPT_MAX, ANSWER_MAX = 700, 350  # characters, so that no row has over 512 tokens
TOLERANCE = 1e-4  # of the loss, relative
PACKAGES = ("torch", "transformers", "trl", "accelerate")

SHARED = {"max_length": 512, "max_steps": STEPS, "learning_rate": 1e-5,
          "train_sampling_strategy": "sequential"}
FP32 = {"bf16": False}
TUNED = {**FP32, "gradient_checkpointing": False}


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
    ours, theirs = bench.scratch / f"rankings{size}.jsonl", bench.scratch / f"pairs{size}.jsonl"
    with ours.open("w") as whole, theirs.open("w") as pairs:
        for prompt, answers in rankings(size):
            whole.write(json.dumps({"prompt": prompt, "completions": answers,
                                    "ranks": list(range(1, size + 1))}) + "\n")
            for better in range(size):
                for worse in range(better + 1, size):
                    pairs.write(json.dumps({"prompt": prompt, "chosen": answers[better],
                                            "rejected": answers[worse]}) + "\n")
    return ours, theirs


def write_model(bench):
    """SmolLM2 with a seeded score head, as a folder that both read."""
    folder, base = bench.scratch / "reward_model", harness.write_model(bench, "base")
    subprocess.run([harness.PYTHON, harness.HERE / "legs" / "reward_model.py", base, folder],
                   check=True, capture_output=True)
    return folder


def pairs_of(size):
    return size * (size - 1) // 2


def trl_leg(bench, name, model, rows, size, options, pair):
    settings = {**SHARED, **options, "per_device_train_batch_size": SIZES[size] * pairs_of(size)}
    command = [harness.PYTHON, harness.HERE / "legs" / "trl_reward.py", model, rows,
               json.dumps(settings)]
    return bench.leg(name, command, packages=PACKAGES, settings=settings, pair=pair)


def our_leg(bench, name, model, rows, size, pair):
    settings = {**SHARED, "per_device_train_batch_size": SIZES[size], "loss_type": "kwise",
                "normalise_rewards": "none"}
    folder = bench.scratch / "run"
    command = [harness.program("attune"), "train", "reward", "--model_name_or_path", model,
               "--dataset_name", rows, "--output_dir", folder, "--overwrite_output_dir", "true",
               "--save_strategy", "no"]
    for key, value in settings.items():
        command += [f"--{key}", str(value).lower()]
    return bench.leg(name, command, read=lambda: read_events(folder), probe=True,
                     packages=("torch",), settings=settings, pair=pair)


def read_events(folder):
    events = [json.loads(text) for text in (folder / "events.jsonl").read_text().splitlines()]
    steps = [event for event in events if event["event"] == "step"]
    return {name: [step[name] for step in steps] for name in ("seconds", "loss", "grad_norm", "rows")}


def require_equal(ours, theirs, size):
    mine, other = ours["figures"], theirs["figures"]
    if [rows * pairs_of(size) for rows in mine["rows"]] != other["pairs"]:
        raise Failed(f"{ours['leg']}: {mine['rows']} rankings, {theirs['leg']} has {other['pairs']}")
    for step, (a, b) in enumerate(zip(mine["loss"], other["loss"], strict=True), 1):
        if not abs(a - b) <= TOLERANCE * b:
            raise Failed(f"{ours['leg']}: loss {a} in step {step}, {theirs['leg']} has {b}")


def run(bench):
    model = write_model(bench)
    for size in SIZES:
        ours, theirs = write_rows(bench, size)
        names = {"ours": f"ours_k{size}", "trl": f"trl_k{size}", "tuned": f"trl_tuned_k{size}"}
        legs = {
            names["ours"]: lambda pair: our_leg(bench, names["ours"], model, ours, size, pair),
            names["trl"]: lambda pair: trl_leg(bench, names["trl"], model, theirs, size, FP32, pair),
            names["tuned"]: lambda pair: trl_leg(bench, names["tuned"], model, theirs, size, TUNED,
                                                 pair),
        }

        def same(done):
            for peer in ("trl", "tuned"):
                require_equal(done[names["ours"]], done[names[peer]], size)

        bench.pairs(ROUNDS, legs, same)


def summary(lines):
    for line in lines:
        size = int(line["leg"].rpartition("_k")[2])
        seconds = sum(line["figures"]["seconds"][1:])
        line["figures"]["speed"] = SIZES[size] * (STEPS - 1) / seconds
        line["figures"]["peak"] = line["run"]["peak_rss_mib"]
    found = []
    for size, goal in ((4, "at least 8"), (9, "at least 15")):
        for peer, name in (("trl", "TRL in fp32, its other defaults"), ("trl_tuned", "TRL at its best")):
            ratios = harness.pair_ratios(lines, f"ours_k{size}", f"{peer}_k{size}", "speed")
            found.append((f"K = {size}: rankings a second, ours / {name}",
                          harness.median_text(ratios), goal))
            ratios = harness.pair_ratios(lines, f"ours_k{size}", f"{peer}_k{size}", "peak")
            found.append((f"K = {size}: peak memory, ours / {name}", harness.median_text(ratios),
                          "reported"))
    return found
