"""Anomalies around `attune` alone: files cut at many places, a full disk, hostile input."""

import json
import os
import pathlib
import shutil
import tempfile
import unittest

import programs

GOLDEN = programs.ROOT / "tests" / "golden"
TINY = GOLDEN / "train" / "tiny"
FULL = os.environ.get("ATTUNE_TEST_TIER") == "full"


def cuts(size):
    """Where a file is cut: near its ends, and evenly between."""
    places = {0, 1, 7, 8, 9, size // 3, size // 2, size - 9, size - 1}
    if FULL:
        places |= set(range(0, size, max(1, size // 100)))
    return sorted(place for place in places if 0 <= place < size)


class Anomalies(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)

    def files(self):
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))

    def assert_one_error(self, result, *words):
        """Exit code 1 and one line of error with the words: no crash, no CHECK, no silence."""
        self.assertEqual(1, result.returncode, result.stderr)
        errors = [line for line in result.stderr.splitlines() if "error: " in line]
        self.assertEqual(1, len(errors), result.stderr)
        for word in words:
            self.assertIn(word, errors[0])


class CutFiles(Anomalies):
    def try_cuts(self, path, command):
        whole = path.read_bytes()
        for size in cuts(len(whole.rstrip())):  # without its last newline JSON is whole
            with self.subTest(file=path.name, bytes=size):
                path.write_bytes(whole[:size])
                self.assert_one_error(programs.attune(*command), path.name)
        path.write_bytes(whole)
        result = programs.attune(*command)
        self.assertEqual(0, result.returncode, result.stderr)

    def test_a_model_folder(self):
        model = self.folder / "m"
        shutil.copytree(TINY, model)
        for name in ("config.json", "model.safetensors"):
            self.try_cuts(model / name, ["model", "info", model])

    def test_shards(self):
        model = self.folder / "m"
        shutil.copytree(GOLDEN / "weights" / "tiny-llama", model)
        for name in ("model.safetensors.index.json", "model-00002-of-00004.safetensors"):
            self.try_cuts(model / name, ["model", "info", model])
        (model / "model-00003-of-00004.safetensors").unlink()
        self.assert_one_error(programs.attune("model", "info", model), "model-00003-of-00004")

    def test_a_gguf_file(self):
        path = self.folder / "m.gguf"
        result = programs.attune("model", "convert", "--model_name_or_path",
                                 GOLDEN / "models" / "smollm2", "--output", path)
        self.assertEqual(0, result.returncode, result.stderr)
        self.try_cuts(path, ["model", "info", path])

    def test_a_tokenizer(self):
        model = self.folder / "m"
        shutil.copytree(TINY, model)
        (self.folder / "rows.jsonl").write_text('{"text": "hello"}\n', encoding="utf-8")
        self.try_cuts(model / "tokenizer.json",
                      ["tokenize", "--model_name_or_path", model, "--data",
                       self.folder / "rows.jsonl"])


# ThreadSanitizer's runtime writes a file into TMPDIR before the program begins, and a disk without
# room would end it there. Where the folder does not exist it does without.
NO_TEMPORARY_FILES = {"TMPDIR": "/nowhere"}


class FullDisk(Anomalies):
    def test_nothing_is_left_of_a_conversion(self):
        for output in ("out.gguf", "out"):
            for limit in (0, 1000, 60_000):
                with self.subTest(output=output, limit=limit):
                    result = programs.attune(
                        "model", "convert", "--model_name_or_path", TINY, "--output",
                        self.folder / output, limit_file_bytes=limit, env=NO_TEMPORARY_FILES)
                    self.assert_one_error(result, str(self.folder))
                    self.assertEqual([], self.files())

    def test_the_old_file_stays(self):
        (self.folder / "out.jsonl").write_text("old\n", encoding="utf-8")
        rows = "".join(json.dumps({"id": i, "text": "hello " * 50}) + "\n" for i in range(100))
        result = programs.attune("tokenize", "--model_name_or_path", TINY, "--output",
                                 self.folder / "out.jsonl", text=rows,
                                 limit_file_bytes=5000)
        self.assert_one_error(result, "out.jsonl")
        self.assertEqual(["out.jsonl"], self.files())
        self.assertEqual("old\n", (self.folder / "out.jsonl").read_text(encoding="utf-8"))

    def test_a_device_that_is_full(self):
        (self.folder / "out.jsonl").symlink_to("/dev/full")
        result = programs.attune("tokenize", "--model_name_or_path", TINY, "--output",
                                 self.folder / "out.jsonl", text='{"text": "hello"}\n')
        self.assert_one_error(result, "out.jsonl", "the disk is full")
        self.assertTrue((self.folder / "out.jsonl").is_symlink())


class HostileInput(Anomalies):
    def tokenize(self, data):
        (self.folder / "rows").write_bytes(data)
        return programs.attune("tokenize", "--model_name_or_path", TINY, "--data",
                               self.folder / "rows")

    def test_rows(self):
        for name, data in {
                "deep lists": b"[" * 1_000_000,
                "deep objects": b'{"a":' * 100_000,
                "a quote without an end": b'text\n"' + b"x" * 1_000_000,
                "one endless line": b'{"text": "' + b"x" * 3_000_000,
                "a huge number": b'{"text": 1' + b"0" * 100_000 + b"}\n",
                "NUL bytes": b"\0" * 10_000,
                "half a surrogate": b'{"text": "\\ud800"}\n',
                "a list of nothing": b"[[], [], []]",
        }.items():
            with self.subTest(name):
                self.assert_one_error(self.tokenize(data), "rows")

    def test_an_argument_that_is_no_utf8(self):
        result = programs.attune("tokenize", "--model_name_or_path", TINY, "--data",
                                 os.fsdecode(b"caf\xe9"), text="")
        self.assertEqual(2, result.returncode, result.stderr)
        self.assertIn("is no UTF-8", result.stderr)

    def test_a_closed_pipe_is_an_error_and_no_death(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        rows = "".join(json.dumps({"id": i, "text": "hello " * 500}) + "\n" for i in range(100))
        result = programs.attune("tokenize", "--model_name_or_path", TINY, text=rows,
                                 stdout=write_end)
        os.close(write_end)
        self.assert_one_error(result, "standard output")


if __name__ == "__main__":
    unittest.main()
