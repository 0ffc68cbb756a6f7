"""Training by several processes (num_processes, mpirun): the same losses as one, one error when a
rank dies, and going on afterwards with any number of them."""

import json
import os
import shutil
import signal
import subprocess
import time
import unittest

import command_case
import programs

ROWS = [{"prompt": word, "completion": answer} for word in ("the ", "they ", "a ", "yes ")
        for answer in ("year", "are a", "yes they", "the year they")]


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

    def test_two_ranks_are_one_with_twice_the_batch(self):
        self.done(*self.words("one", "--per_device_train_batch_size", 6))
        self.done(*self.words("two", "--per_device_train_batch_size", 3, "--num_processes", 2))
        one, two = self.path("one"), self.path("two")
        for kind, keys in (("step", ("loss", "grad_norm", "mean_token_accuracy", "entropy")),
                           ("eval", ("eval_loss",))):
            pairs = list(zip(events(one, kind), events(two, kind), strict=True))
            self.assertGreater(len(pairs), 1)
            for a, b in pairs:
                self.assertEqual(a["step"], b["step"])
                for key in keys:
                    self.assertAlmostEqual(a[key], b[key], delta=1e-6 * max(1, abs(a[key])), msg=key)
        self.assertEqual(events(two, "start")[0]["ranks"], 2)
        self.assertEqual(len(events(two, "checkpoint")), 3)

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
            os.kill(ranks[1], signal.SIGKILL)
            _, said = child.communicate(timeout=120)
        finally:
            child.kill()
        self.assertEqual(child.returncode, 1, said)
        errors = [line for line in said.splitlines() if ": error: " in line]
        self.assertEqual(len(errors), 1, said)
        self.assertIn("resume_from_checkpoint", errors[0])
        for rank in ranks:
            self.assertFalse(command_case.is_running(rank))
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
