"""Training by several processes (num_processes, mpirun): the same losses as one, one error when a
rank dies, and going on afterwards with any number of them."""

import collections
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import unittest

import command_case
import programs

ROWS = [{"prompt": word, "completion": answer} for word in ("the ", "they ", "a ", "yes ")
        for answer in ("year", "are a", "yes they", "the year they")]

PAIRS = [{"prompt": f"{word} ", "chosen": "yes they are", "rejected": answer}
         for word in ("the", "they", "a", "yes", "no", "then")
         for answer in ("no", "the year", "a year or two, they say")]
PROMPTS = [{"prompt": f"{word}? "} for word in ("hey you", "they say", "a year", "the day", "yes",
                                                "no", "by the way", "my oh my")]
# Rewards an answer by its letters, and keeps a list of what it was asked.
JUDGE = """
import json, os, sys
asked = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for line in sys.stdin:
    row = json.loads(line)
    os.write(asked, (json.dumps([row["prompt"], row["completion"]]) + "\\n").encode())
    print(json.dumps({"id": row["id"], "reward": row["completion"].count("e")}), flush=True)
"""


def events(run, kind):
    lines = (run / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


@unittest.skipUnless(shutil.which("mpirun"), "no mpirun on PATH (openmpi-bin)")
class RanksTest(command_case.CommandCase):
    def words(self, run, *more):
        data = self.write_rows("rows.jsonl", ROWS)
        return ("train", "sft", "--model_name_or_path", command_case.TINY, "--dataset_name", data,
                "--output_dir", self.path(run), "--max_steps", 6, "--learning_rate", 1e-3,
                "--save_steps", 2, "--eval_fraction", 0.2, "--eval_strategy", "steps",
                "--eval_steps", 3, "--threads", 1, *more)

    def wait_until(self, child, condition):
        """Until `condition()` holds; fails when the child ends before."""
        deadline = time.monotonic() + 120
        while not condition() and time.monotonic() < deadline:
            try:
                child.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
            self.fail(child.stderr.read())

    def assert_same(self, kind, keys=None):
        """The runs "one" and "two" have the same events, every number (or `keys`) to 1e-6."""
        pairs = list(zip(events(self.path("one"), kind), events(self.path("two"), kind),
                         strict=True))
        self.assertGreater(len(pairs), 1)
        for a, b in pairs:
            self.assertEqual(a["step"], b["step"])
            self.assertEqual(a.keys(), b.keys())
            # How many values were clipped: of two losses that are equal, rounding decides.
            for key in keys or a.keys() - {"event", "seconds", "eps", "val/clipfrac_avg"}:
                size = max(1, abs(a[key]))
                if "objective/" in key:  # differences of sums of log-probs
                    size = max(size, a[key.partition("objective/")[0] + "objective/entropy"])
                self.assertAlmostEqual(a[key], b[key], delta=1e-6 * size, msg=key)

    def test_two_ranks_are_one_with_twice_the_batch(self):
        self.done(*self.words("one", "--per_device_train_batch_size", 6))
        self.done(*self.words("two", "--per_device_train_batch_size", 3, "--num_processes", 2))
        self.assert_same("step", ("loss", "grad_norm", "mean_token_accuracy", "entropy"))
        self.assert_same("eval", ("eval_loss",))
        two = self.path("two")
        self.assertEqual(events(two, "start")[0]["ranks"], 2)
        self.assertEqual(len(events(two, "checkpoint")), 3)

    def preference_words(self, run, recipe, *more):
        data = self.write_rows("pairs.jsonl", PAIRS)
        return ("train", recipe, "--model_name_or_path", command_case.TINY, "--dataset_name", data,
                "--output_dir", self.path(run), "--max_steps", 3, "--learning_rate", 1e-3,
                "--threads", 1, *more)

    def test_dpo_of_two_ranks_is_that_of_one(self):
        # A sorted loss sees the whole step; a step reads other rows than a rank's batch alone.
        for run, batch, ranks in (("one", 4, 1), ("two", 2, 2)):
            self.done(*self.preference_words(
                run, "dpo", "--per_device_train_batch_size", batch, "--num_processes", ranks,
                "--loss_type", "sigmoid", "aot", "--loss_weights", 1, 0.5, "--eval_fraction", 0.2,
                "--eval_strategy", "steps", "--eval_steps", 1))
        self.assert_same("step")
        self.assert_same("eval")

    def test_kto_of_two_ranks_is_that_of_one(self):
        for run, batch, ranks in (("one", 8, 1), ("two", 4, 2)):
            self.done(*self.preference_words(run, "kto", "--per_device_train_batch_size", batch,
                                             "--num_processes", ranks))
        self.assert_same("step")

    def test_a_reward_model_of_two_ranks_is_that_of_one(self):
        # The highest and the lowest reward of a step may be another rank's.
        for run, batch, ranks in (("one", 6, 1), ("two", 3, 2)):
            self.done(*self.preference_words(
                run, "reward", "--per_device_train_batch_size", batch, "--num_processes", ranks,
                "--eval_fraction", 0.2, "--eval_strategy", "steps", "--eval_steps", 1))
        self.assert_same("step")
        self.assert_same("eval")
        self.assertIn("min_reward", events(self.path("two"), "step")[0])

    def on_policy_words(self, run, recipe, *more, judge=JUDGE):
        rows = self.write_rows("prompts.jsonl", PROMPTS)
        script = self.write("judge.py", judge)
        return ("train", recipe, "--model_name_or_path", command_case.TINY, "--dataset_name", rows,
                "--output_dir", self.path(run), "--max_steps", 3, "--learning_rate", 1e-4,
                "--reward_command", f"'{sys.executable}' '{script}' '{self.path(run)}.asked'",
                "--eval_dataset_name", rows, "--threads", 1, *more)

    def asked(self, run):
        lines = (self.path(run).parent / f"{run}.asked").read_text().splitlines()
        return collections.Counter(map(str, map(json.loads, lines)))

    def test_on_policy_training_of_two_ranks_is_that_of_one(self):
        cases = {
            "ppo": (4, ("--response_length", 6, "--num_mini_batches", 2)),
            "grpo": (8, ("--num_generations", 4, "--max_completion_length", 6, "--beta", 0.1,
                         "--num_iterations", 2)),
        }
        evaluated = ("--eval_strategy", "steps", "--eval_steps", 2)
        for recipe, (batch, more) in cases.items():
            with self.subTest(recipe):
                for run, rows, ranks in (("one", batch, 1), ("two", batch // 2, 2)):
                    (self.path(run).parent / f"{run}.asked").unlink(missing_ok=True)
                    self.done(*self.on_policy_words(
                        run, recipe, *more, *evaluated, "--per_device_train_batch_size", rows,
                        "--num_processes", ranks, "--overwrite_output_dir", "true"))
                self.assert_same("step")
                self.assert_same("eval")
                self.assertEqual(self.asked("two"), self.asked("one"))  # nothing is asked twice

    def test_a_reward_that_fails_on_one_rank_leaves_a_checkpoint(self):
        # The second rank's program gives up after two steps of two answers.
        judge = JUDGE.replace(
            "    row = json.loads(line)\n",
            "    row = json.loads(line)\n"
            "    if row['id'] > 4 and os.environ['OMPI_COMM_WORLD_RANK'] == '1':\n"
            "        sys.exit('the scorer ran out of quota')\n")
        words = self.on_policy_words("run", "ppo", "--response_length", 6, "--save_steps", 100,
                                     "--per_device_train_batch_size", 2, "--num_processes", 2,
                                     judge=judge)
        said = self.failed(*words, says=["ran out of quota", "checkpoint of step 2"]).stderr
        self.assertEqual(len([line for line in said.splitlines() if ": error: " in line]), 1, said)
        self.assertEqual(events(self.path("run"), "checkpoint")[-1]["step"], 2)

    def test_any_number_of_ranks_goes_on_from_a_checkpoint(self):
        batch = ("--per_device_train_batch_size", 6)
        self.done(*self.words("whole", *batch))
        half = ("--per_device_train_batch_size", 3, "--num_processes", 2)
        self.done(*self.words("cut", *half, "--max_steps", 4))
        # The schedule of six steps: the checkpoint of step 2 is the same for both.
        shutil.rmtree(self.path("cut") / "checkpoints" / "step-4")
        self.done(*self.words("cut", *batch, "--resume_from_checkpoint", "true"))
        self.assertEqual(events(self.path("cut"), "resume")[0]["step"], 2)
        self.assertEqual(events(self.path("cut"), "end")[0]["step"], 6)

    def test_a_rank_that_dies_ends_the_run_with_one_error(self):
        words = self.words("run", "--per_device_train_batch_size", 2, "--num_processes", 2,
                           "--max_steps", 100_000)
        run = self.path("run")
        child = subprocess.Popen([str(programs.BIN / "attune"), *map(str, words)],
                                 stderr=subprocess.PIPE, text=True)
        try:
            self.wait_until(child, lambda: list(run.glob("checkpoints/step-*")))
            (launcher,) = command_case.children_of(child.pid)
            ranks = sorted(command_case.children_of(launcher))
            self.assertEqual(len(ranks), 2)
            ends = [os.pidfd_open(rank) for rank in ranks]
            os.kill(ranks[1], signal.SIGKILL)
            _, said = child.communicate(timeout=120)
        finally:
            child.kill()
        self.assertEqual(child.returncode, 1, said)
        errors = [line for line in said.splitlines() if ": error: " in line]
        self.assertEqual(len(errors), 1, said)
        self.assertIn("resume_from_checkpoint", errors[0])
        # The launcher need not wait for the rank that it has told to end.
        for end in ends:
            self.assertTrue(select.select([end], [], [], 60)[0], "a rank outlived the run")
            os.close(end)
        newest = max(int(path.name.removeprefix("step-")) for path in run.glob("checkpoints/step-*"))
        self.done(*self.words("run", "--per_device_train_batch_size", 2, "--num_processes", 2,
                              "--max_steps", newest + 2, "--resume_from_checkpoint", "true"))
        self.assertEqual(events(run, "end")[0]["step"], newest + 2)

    def test_a_signal_stops_all_ranks_with_a_checkpoint(self):
        words = self.words("run", "--per_device_train_batch_size", 2, "--num_processes", 2,
                           "--max_steps", 100_000, "--save_steps", 50_000)
        run = self.path("run")
        child = subprocess.Popen([str(programs.BIN / "attune"), *map(str, words)],
                                 stderr=subprocess.PIPE, text=True)
        try:
            self.wait_until(
                child, lambda: (run / "events.jsonl").exists() and events(run, "step"))
            child.send_signal(signal.SIGTERM)
            child.communicate(timeout=120)
        finally:
            child.kill()
        (stopped,) = events(run, "interrupted")
        self.assertTrue((run / "checkpoints" / f"step-{stopped['step']}").is_dir())


if __name__ == "__main__":
    unittest.main()
