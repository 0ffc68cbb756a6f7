"""What a training run leaves behind when it cannot go on: a full disk, too many skipped rows, damaged
weights. tests/cases/errors/train.case has the mistakes that one line of text shows."""

import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

import programs

TINY = programs.ROOT / "tests/golden/train/tiny"
GOOD = [{"prompt": "say yes:", "completion": " yes the yes"},
        {"prompt": "say no:", "completion": " no no then"}]
ANEW = ["--overwrite_output_dir", "true"]


class TrainErrorsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.run_directory = self.folder / "run"

    def train(self, rows, *flags, env=None, **limits):
        data = self.folder / "train.jsonl"
        if isinstance(rows, bytes):
            data.write_bytes(rows)
        else:
            data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        words = ["--model_name_or_path", TINY, "--dataset_name", data, "--output_dir",
                 self.run_directory, "--max_steps", "2", "--threads", "1"]
        return programs.attune("train", "sft", *words, *flags, cwd=self.folder,
                               env={"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(self.folder),
                                    **(env or {})},
                               **limits)

    def engine(self, lines):
        """The environment in which these lines of a shell are the engine."""
        path = self.folder / "engine"
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
        return {"ATTUNE_ENGINE": str(path)}

    def tree(self):
        return {str(path.relative_to(self.run_directory)): path.is_file() and path.read_bytes()
                for path in self.run_directory.rglob("*")}

    def set_aside(self):
        return list(self.run_directory.glob("earlier_run*"))

    def steps(self):
        lines = (self.run_directory / "events.jsonl").read_text().splitlines()
        return sum(json.loads(line)["event"] == "step" for line in lines)

    def half_written(self):
        names = [path.name for path in self.run_directory.rglob("*")]
        return [name for name in names if ".tmp-" in name or name.endswith(".partial")]

    def check(self, result, code, words):
        self.assertEqual(result.returncode, code, result.stderr)
        errors = [line for line in result.stderr.splitlines() if "attune: error: " in line]
        for word in words:
            self.assertIn(word, "\n".join(errors))
        self.assertNotIn("terminate called", result.stderr)
        self.assertFalse((self.run_directory / "final").exists())
        self.assertEqual(self.half_written(), [])

    def test_the_same_run_without_a_mistake_works(self):
        result = self.train(GOOD)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue((self.run_directory / "final/model.safetensors").exists())

    def test_skipped_rows_are_named_also_when_they_stop_the_run(self):
        rows = GOOD * 10 + [{"prompt": "a"}, {"text": ""}]
        result = self.train(rows)
        self.check(result, 1, ["2 of 22 rows cannot be used", "allow_skipped_rows"])
        report = json.loads((self.run_directory / "data_report.json").read_text())["train"]
        self.assertEqual(report["rows"]["dropped"], 2)
        named = {row for reason in report["dropped"] for rows in reason["rows"].values()
                 for row in rows}
        self.assertEqual(named, {21, 22})
        allowed = self.train(rows, "--allow_skipped_rows", "true")
        self.assertEqual(allowed.returncode, 0, allowed.stderr)

    def test_a_full_disk_ends_the_run_and_leaves_whole_files_only(self):
        # The checkpoint's weights (127 kB) do not fit; the lines of the log do.
        result = self.train(GOOD, "--save_steps", "1", limit_file_bytes=100_000)
        self.check(result, 1, ["parameters.safetensors", "larger than"])
        self.assertEqual(list((self.run_directory / "checkpoints").glob("step-*")), [])

    def test_a_checkpoint_is_whole_or_absent(self):
        # The weights fit, the optimiser's state (254 kB) does not.
        result = self.train(GOOD, "--save_steps", "1", limit_file_bytes=200_000)
        self.check(result, 1, ["optimizer.safetensors", "larger than"])
        self.assertEqual(list((self.run_directory / "checkpoints").glob("*")), [])

    def test_a_file_that_may_not_grow_at_all(self):
        result = self.train(GOOD, limit_file_bytes=512)
        self.check(result, 1, ["larger than"])
        self.assertFalse((self.run_directory / "events.jsonl").exists())

    def test_a_vocabulary_that_does_not_fit_the_embedding(self):
        model = self.folder / "model"
        model.mkdir()
        for path in TINY.iterdir():
            (model / path.name).write_bytes(path.read_bytes())
        tokenizer = json.loads((model / "tokenizer.json").read_text())
        vocabulary = tokenizer["model"]["vocab"]
        vocabulary["y"], unused = 500, vocabulary.pop("y")
        (model / "tokenizer.json").write_text(json.dumps(tokenizer))
        result = self.train(GOOD, "--model_name_or_path", model)
        self.check(result, 1, ["train.jsonl row 1", "outside of the model's 96 embeddings"])

    def test_weights_that_are_cut_short(self):
        model = self.folder / "model"
        model.mkdir()
        for path in TINY.iterdir():
            (model / path.name).write_bytes(path.read_bytes())
        weights = (model / "model.safetensors").read_bytes()
        (model / "model.safetensors").write_bytes(weights[:len(weights) // 2])
        self.check(self.train(GOOD, "--model_name_or_path", model), 1, ["model.safetensors"])
        (model / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 62) + weights[8:])
        self.check(self.train(GOOD, "--model_name_or_path", model), 1, ["model.safetensors"])

    def test_overwriting_removes_the_earlier_run_and_nothing_else(self):
        self.assertEqual(self.train(GOOD).returncode, 0)
        (self.run_directory / "notes.txt").write_text("mine")
        refused = self.train(GOOD)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn("--overwrite_output_dir", refused.stderr)
        result = self.train(GOOD, *ANEW, "--max_steps", "1")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.steps(), 1)
        self.assertEqual((self.run_directory / "notes.txt").read_text(), "mine")
        self.assertEqual(self.set_aside(), [])

    def test_a_run_anew_that_cannot_start_leaves_the_earlier_one_as_it_was(self):
        self.assertEqual(self.train(GOOD, "--save_steps", "1").returncode, 0)
        before = self.tree()
        unusable = [{"prompt": "a"}] * 3
        final = self.run_directory / "final"
        for rows, words, env, says in (
                (GOOD, ["--dataset_name", "gone.jsonl"], {}, "gone.jsonl"),
                (GOOD, ["--chat_template_path", "gone"], {}, "gone"),
                (GOOD, ["--eos_token", "<|gone|>"], {}, "<|gone|>"),
                (GOOD, ["--use_peft", "true", "--lora_target_modules", "gone_proj"], {}, "gone_proj"),
                (GOOD, ["--device", "cuda:77"], {}, "device"),
                (GOOD, ["--eval_strategy", "epoch"], {}, "eval_strategy"),
                (GOOD, ["--model_name_or_path", final], {}, "--overwrite_output_dir"),
                (GOOD, [], {"ATTUNE_ENGINE": "nowhere"}, "nowhere"),
                (GOOD + unusable, [], {}, "cannot be used")):
            with self.subTest(says):
                refused = self.train(rows, *ANEW, *words, env=env)
                self.assertIn(refused.returncode, (1, 2), refused.stderr)
                self.assertIn(says, refused.stderr)
                self.assertEqual(self.tree(), before)

    def test_a_resume_that_cannot_start_leaves_the_run_as_it_was(self):
        self.assertEqual(self.train(GOOD, "--save_steps", "1").returncode, 0)
        before = self.tree()
        refused = self.train(GOOD * 2, "--resume_from_checkpoint", "true", "--learning_rate", "1")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("was trained on other rows", refused.stderr)
        self.assertEqual(self.tree(), before)

    def test_two_trainings_at_once_in_one_directory(self):
        self.assertEqual(self.train(GOOD).returncode, 0)
        # The engine of the first is a program that waits for the second's answer.
        gate, answer = self.folder / "gate", self.folder / "answer"
        os.mkfifo(gate)
        script = self.engine(f'echo started > "{gate}"; cat "{gate}" > "{answer}"; exit 1')
        first = subprocess.Popen(
            [programs.BIN / "attune", "train", "sft", "--model_name_or_path", TINY,
             "--dataset_name", self.folder / "train.jsonl", "--output_dir", self.run_directory,
             *ANEW], env={**os.environ, **script}, stderr=subprocess.DEVNULL)
        self.addCleanup(first.wait)
        self.addCleanup(first.kill)
        gate.read_text()  # the first is at work: the earlier run lies aside
        before = self.tree()
        for words in (ANEW, ["--resume_from_checkpoint", "true"], []):
            refused = self.train(GOOD, *words)
            self.assertEqual(refused.returncode, 1, refused.stderr)
            self.assertIn("another training works in this directory", refused.stderr)
            self.assertEqual(self.tree(), before)
        gate.write_text("go")
        self.assertEqual(first.wait(), 1)
        self.assertEqual(answer.read_text(), "go")
        self.assertEqual(self.train(GOOD).returncode, 2)  # the earlier run is back

    def test_the_engine_of_a_killed_command_still_holds_the_directory(self):
        self.run_directory.mkdir()
        gate = self.folder / "gate"
        os.mkfifo(gate)
        # It is asked to end (SIGTERM) and, as an engine in its last step does, goes on for a while.
        script = self.engine(f"trap '' TERM; echo started > '{gate}'; cat '{gate}'")
        (self.folder / "train.jsonl").write_text(json.dumps(GOOD[0]) + "\n")
        first = subprocess.Popen(
            [programs.BIN / "attune", "train", "sft", "--model_name_or_path", TINY,
             "--dataset_name", self.folder / "train.jsonl", "--output_dir", self.run_directory],
            env={**os.environ, **script}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        gate.read_text()
        first.kill()
        first.wait()
        refused = self.train(GOOD)
        self.assertEqual(refused.returncode, 1, refused.stderr)
        self.assertIn("another training works in this directory", refused.stderr)
        gate.write_text("end")
        self.assertEqual(self.train(GOOD).returncode, 0)

    def test_killed_before_or_after_the_run_anew_began(self):
        self.assertEqual(self.train(GOOD).returncode, 0)
        before = self.tree()
        killed = self.train(GOOD, *ANEW, env=self.engine("kill -9 $PPID"))
        self.assertEqual(killed.returncode, -9)
        self.assertNotEqual(self.set_aside(), [])
        self.assertEqual(self.train(GOOD).returncode, 2)  # there is a run: it is back
        self.assertEqual(self.tree(), before)
        begun = self.train(GOOD, *ANEW, "--max_steps", "1", env=self.engine(
            f"'{programs.BIN / 'attune-engine'}' \"$@\"\nkill -9 $PPID"))
        self.assertEqual(begun.returncode, -9)
        self.assertEqual(self.train(GOOD).returncode, 2)
        self.assertEqual(self.steps(), 1)
        self.assertEqual(self.set_aside(), [])


if __name__ == "__main__":
    unittest.main()
