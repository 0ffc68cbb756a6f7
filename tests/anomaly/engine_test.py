"""Anomalies around the engine: a cut model, and a disk that fills up while it trains."""

import json
import shutil
import unittest

import programs
from programs_test import Anomalies, TINY


class CutModel(Anomalies):
    def test_scoring_names_the_file(self):
        model = self.folder / "m"
        shutil.copytree(TINY, model)
        path = model / "model.safetensors"
        whole = path.read_bytes()
        for size in (0, 8, len(whole) // 2, len(whole) - 1):
            with self.subTest(bytes=size):
                path.write_bytes(whole[:size])
                result = programs.attune("score", "--model_name_or_path", model,
                                         text='{"prompt": "a", "completion": "b"}\n')
                self.assert_one_error(result, "model.safetensors")
                self.assertEqual("", result.stdout)


class FullDisk(Anomalies):
    def train(self, *words, **options):
        data = self.folder / "train.jsonl"
        data.write_text("".join(json.dumps({"prompt": "hello", "completion": " world"}) + "\n"
                                for _ in range(8)), encoding="utf-8")
        return programs.attune(
            "train", "sft", "--model_name_or_path", TINY, "--dataset_name", data, "--output_dir",
            self.folder / "run", "--max_steps", "2", "--per_device_train_batch_size", "2",
            "--overwrite_output_dir", "true", *words, **options)

    def test_training_stops_with_the_path_and_leaves_no_model(self):
        result = self.train(limit_file_bytes=60_000)
        self.assertEqual(1, result.returncode, result.stderr)
        self.assertIn(str(self.folder / "run"), result.stderr)
        self.assertIn("cannot write", result.stderr)
        self.assertFalse((self.folder / "run" / "final").exists())
        self.assertEqual([], [name for name in self.files() if name.endswith(".safetensors")])
        again = self.train()
        self.assertEqual(0, again.returncode, again.stderr)
        self.assertTrue((self.folder / "run" / "final" / "model.safetensors").exists())


if __name__ == "__main__":
    unittest.main()
