"""attune model info, convert and merge as a user runs them; conversions that are killed."""

import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

import programs

TINY = programs.ROOT / "tests/golden/train/tiny"
ROWS = "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(
    ["abc", "the year", " A b, C!", "a\nb", "12 = 3 + 9", ""]))


class Folder(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)

    def attune(self, *words, text=""):
        result = programs.attune(*words, text=text, cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def info(self, model):
        return json.loads(self.attune("model", "info", model, "--json"))

    def ids(self, model):
        return self.attune("tokenize", "--model_name_or_path", model, text=ROWS)


class Conversions(Folder):
    def test_a_folder_becomes_gguf_and_a_folder_again(self):
        self.attune("model", "convert", "--model_name_or_path", TINY, "--output", "a.gguf")
        self.attune("model", "convert", "--model_name_or_path", "a.gguf", "--output", "b")
        before, between, after = self.info(TINY), self.info("a.gguf"), self.info("b")
        self.assertEqual(between["format"], "gguf")
        for key in ("architecture", "parameters", "dtypes", "hidden_size", "layers", "heads",
                    "key_value_heads", "context", "vocabulary", "tied_head"):
            self.assertEqual(before[key], between[key], key)
            self.assertEqual(before[key], after[key], key)
        wanted = self.ids(TINY)
        self.assertIn('"ids":[3,4,5]', wanted)
        self.assertEqual(self.ids("a.gguf"), wanted)
        self.assertEqual(self.ids("b"), wanted)
        eos = json.loads((TINY / "generation_config.json").read_text())["eos_token_id"]
        written = json.loads((self.folder / "b/generation_config.json").read_text())
        self.assertEqual(written["eos_token_id"], eos)

    def test_types_are_as_asked(self):
        for dtype, name in (("bfloat16", "BF16"), ("float16", "F16"), ("q8_0", "Q8_0"),
                            ("q4_0", "Q4_0")):
            output = f"{name}.gguf"
            self.attune("model", "convert", "--model_name_or_path", TINY, "--output", output,
                        "--dtype", dtype)
            dtypes = self.info(output)["dtypes"]
            self.assertIn(name, dtypes)
            self.assertIn("F32", dtypes)  # vectors stay
        self.attune("model", "convert", "--model_name_or_path", "Q8_0.gguf", "--output", "b",
                    "--dtype", "bfloat16")
        self.assertEqual(list(self.info("b")["dtypes"]), ["BF16"])
        self.assertEqual(json.loads((self.folder / "b/config.json").read_text())["torch_dtype"],
                         "bfloat16")

    @unittest.skipUnless(programs.HAS_ENGINE, programs.WITHOUT_ENGINE)
    def test_a_converted_model_scores_the_same(self):
        self.attune("model", "convert", "--model_name_or_path", TINY, "--output", "a.gguf")
        row = '{"id": 1, "prompt": "abc the", "completion": " year 12"}\n'
        wanted, found = (json.loads(self.attune("score", "--model_name_or_path", model, text=row))
                         for model in (TINY, "a.gguf"))
        self.assertEqual(found["tokens"], wanted["tokens"])
        self.assertAlmostEqual(found["sum_logprob"], wanted["sum_logprob"], delta=1e-4)

    def test_an_adapter_is_described_and_merged(self):
        golden = programs.ROOT / "tests/golden/weights"
        self.assertEqual(self.info(golden / "tiny-adapter")["format"], "adapter")
        shown = self.attune("model", "merge", "--model_name_or_path", golden / "tiny-llama",
                            "--adapter", golden / "tiny-adapter", "--output", "merged")
        self.assertIn("6 of them merged", shown)
        report = json.loads(self.attune(
            "model", "convert", "--model_name_or_path", "merged", "--output", "m.gguf", "--json"))
        self.assertEqual((report["tensors"], report["dtype"]), (20, "F32"))
        self.assertEqual(report["bytes"], self.info("m.gguf")["bytes"])
        merged = self.info("merged")
        self.assertEqual(merged["parameters"], self.info(golden / "tiny-llama")["parameters"])
        self.assertFalse((self.folder / "merged/adapter_config.json").exists())


    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
    def test_an_answer_that_cannot_be_written_is_an_error(self):
        for words in (["model", "info", TINY], ["--help"],
                      ["tokenize", "--model_name_or_path", TINY]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                result = subprocess.run([programs.BIN / "attune", *words], input=ROWS, stdout=full,
                                        stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(result.returncode, 1, words)
            self.assertIn("standard output: cannot write", result.stderr)


def write_large_model(folder):
    """A model that takes a while to convert: 256 MB of zeros, most of them never written."""
    folder.mkdir()
    shape, size = [131072, 512], 131072 * 512 * 4
    (folder / "config.json").write_text(json.dumps({
        "model_type": "llama", "vocab_size": shape[0], "hidden_size": shape[1],
        "num_hidden_layers": 1, "num_attention_heads": 8, "intermediate_size": 512,
        "max_position_embeddings": 64, "tie_word_embeddings": True}), encoding="utf-8")
    header = json.dumps({"model.embed_tokens.weight": {
        "dtype": "F32", "shape": shape, "data_offsets": [0, size]}}).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + size)


def open_files(process):
    """The sizes of what the process holds open."""
    folder = f"/proc/{process.pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return  # it has ended
    for name in names:
        try:
            yield os.readlink(f"{folder}/{name}"), os.stat(f"{folder}/{name}").st_size
        except OSError:
            continue  # closed meanwhile


class Killed(Folder):
    def kill_in_the_middle(self, output, number):
        """Ends a conversion while what it writes is neither empty nor whole."""
        for _ in range(20):  # it may end before it is caught
            if self.try_to_kill(output, number):
                return
            place = self.folder / output
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        self.fail("every conversion ended before it could be killed")

    def try_to_kill(self, output, number):
        words = [str(programs.BIN / "attune"), "model", "convert", "--model_name_or_path", "large",
                 "--output", output, "--dtype", "bfloat16"]
        begun = f"{self.folder.resolve()}/"
        # A job in the background of a shell ignores interrupts; this one must not.
        with subprocess.Popen(words, cwd=self.folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL,
                              preexec_fn=lambda: signal.signal(number, signal.SIG_DFL)
                              if number != signal.SIGKILL else None) as process:
            while process.poll() is None:
                if any(path.startswith(begun) and "large" not in path and size > 1_000_000
                       for path, size in open_files(process)):
                    process.send_signal(number)
                    break
            code = process.wait()
        self.assertIn(code, (0, -number))
        return code == -number

    def check(self, output, number):
        write_large_model(self.folder / "large")
        self.kill_in_the_middle(output, number)
        self.assertFalse((self.folder / output).exists())
        self.attune("model", "convert", "--model_name_or_path", "large", "--output", output,
                    "--dtype", "bfloat16")
        self.assertEqual(self.info(output)["dtypes"]["BF16"]["tensors"], 1)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         sorted(["large", output]))

    def test_kill_leaves_no_file(self):
        try:
            os.close(os.open(self.folder, os.O_TMPFILE | os.O_WRONLY))
        except OSError:
            self.skipTest("this file system has no files without a name")
        write_large_model(self.folder / "large")
        self.kill_in_the_middle("out.gguf", signal.SIGKILL)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["large"])

    def test_kill_leaves_no_folder_that_looks_whole(self):
        self.check("out", signal.SIGKILL)

    def test_an_interrupt_leaves_no_folder_that_looks_whole(self):
        self.check("out", signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
