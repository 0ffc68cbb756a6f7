"""What a training run leaves behind when it cannot go on: a full disk, too many skipped rows, damaged
weights. tests/cases/errors/train.case has the mistakes that one line of text shows."""

import json
import pathlib
import struct
import tempfile
import unittest

import programs

TINY = programs.ROOT / "tests/golden/train/tiny"
GOOD = [{"prompt": "say yes:", "completion": " yes the yes"},
        {"prompt": "say no:", "completion": " no no then"}]


class TrainErrorsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.run_directory = self.folder / "run"

    def train(self, rows, *flags, **limits):
        data = self.folder / "train.jsonl"
        if isinstance(rows, bytes):
            data.write_bytes(rows)
        else:
            data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        words = ["--model_name_or_path", TINY, "--dataset_name", data, "--output_dir",
                 self.run_directory, "--max_steps", "2", "--threads", "1"]
        return programs.attune("train", "sft", *words, *flags, cwd=self.folder,
                               env={"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(self.folder)},
                               **limits)

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
        anew = ["--overwrite_output_dir", "true"]
        mistaken = self.train(GOOD, *anew, "--dataset_name", "gone.jsonl")
        self.assertEqual(mistaken.returncode, 1)
        self.assertTrue((self.run_directory / "final/model.safetensors").exists())
        result = self.train(GOOD, *anew, "--max_steps", "1")
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = (self.run_directory / "events.jsonl").read_text().splitlines()
        self.assertEqual(sum(json.loads(line)["event"] == "step" for line in lines), 1)
        self.assertEqual((self.run_directory / "notes.txt").read_text(), "mine")


if __name__ == "__main__":
    unittest.main()
