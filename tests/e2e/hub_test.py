"""owner/name through the hub's protocol, against a server of our own on loopback."""

import contextlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import hub_server
import programs

# A byte-level tokenizer of a few merges is model enough for `attune tokenize`.
BYTES = {chr(c): i for i, c in enumerate(range(ord("!"), ord("~") + 1))}
TOKENIZER = {
    "version": "1.0", "added_tokens": [], "normalizer": None, "post_processor": None,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {**BYTES, "\u0120": 94, "he": 95}, "merges": ["h e"]},
}
EXPECTED = [95, BYTES["y"]]
ROW = '{"id": 1, "text": "hey"}\n'


class HubTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        files = {"config.json": b'{"model_type": "llama"}',
                 "tokenizer.json": json.dumps(TOKENIZER).encode(),
                 "model.safetensors": b"\x00" * 4096, "README.md": b"not wanted"}
        self.hub = hub_server.Hub(files)
        self.addCleanup(self.hub.close)

    def settings(self, **env):
        return {"HF_ENDPOINT": self.hub.endpoint, "HF_HUB_CACHE": self.directory.name,
                "HF_HOME": self.directory.name, "HF_TOKEN": "", "no_proxy": "127.0.0.1", **env}

    def tokenize(self, name="team/tiny", limit_file_bytes=None, **env):
        return programs.attune("tokenize", "--model_name_or_path", name, text=ROW,
                               env=self.settings(**env), limit_file_bytes=limit_file_bytes)

    @contextlib.contextmanager
    def download_in_the_middle(self):
        """A download of which half of the weights have come, and then no more."""
        self.hub.faults["model.safetensors"] = "stall"
        words = [str(programs.BIN / "attune"), "tokenize", "--model_name_or_path", "team/tiny"]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True,
                              env={**programs.os.environ, **self.settings()}) as process:
            try:
                self.assertTrue(self.hub.stalled.wait(60))
                yield process
            finally:
                process.kill()

    def assert_works(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout), {"id": 1, "ids": EXPECTED})

    def assert_fails(self, result, *words):
        self.assertEqual(result.returncode, 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)

    def snapshot(self):
        return pathlib.Path(self.directory.name, "models--team--tiny", "snapshots", self.hub.commit)

    def test_a_model_is_downloaded_once_into_the_usual_cache(self):
        self.assert_works(self.tokenize())
        names = sorted(path.name for path in self.snapshot().iterdir())
        self.assertEqual(names, ["config.json", "model.safetensors", "tokenizer.json"])
        downloads = len([r for r in self.hub.requests if r[1].startswith("/storage/")])
        self.assert_works(self.tokenize("team/tiny@main"))
        again = len([r for r in self.hub.requests if r[1].startswith("/storage/")])
        self.assertEqual(downloads, again)

    def test_a_hub_that_cannot_be_reached_and_nothing_in_the_cache(self):
        self.assert_fails(self.tokenize(HF_ENDPOINT="http://127.0.0.1:9"),
                          "team/tiny is no folder or file here; from the hub: http://127.0.0.1:9",
                          "check the network and HF_ENDPOINT")

    def test_the_cache_serves_when_the_hub_is_gone(self):
        self.assert_works(self.tokenize())
        self.assert_works(self.tokenize(HF_ENDPOINT="http://127.0.0.1:9"))
        self.assert_works(self.tokenize(HF_HUB_OFFLINE="1"))

    def test_a_truncated_transfer_is_an_error_and_is_continued(self):
        self.hub.faults["model.safetensors"] = "truncate"
        self.assert_fails(self.tokenize(), "model.safetensors")
        self.assertFalse((self.snapshot() / "model.safetensors").exists())
        self.assert_works(self.tokenize())
        self.assertIn(("GET", "/storage/model.safetensors", "bytes=2048-"), self.hub.requests)

    def test_a_wrong_hash_is_refused_and_thrown_away(self):
        self.hub.faults["model.safetensors"] = "corrupt"
        self.assert_fails(self.tokenize(), "hash", "try again")
        self.assertFalse(list(pathlib.Path(self.directory.name).rglob("*.incomplete")))
        self.hub.faults.clear()
        self.assert_works(self.tokenize())

    def test_a_closed_repository_wants_a_token(self):
        self.hub.token = "secret"
        self.assert_fails(self.tokenize(), "401", "HF_TOKEN")
        self.assert_works(self.tokenize(HF_TOKEN="secret"))

    def test_an_unknown_name_or_revision_is_said_so(self):
        self.assert_fails(self.tokenize("team/other"), "team/other", "check the name")
        self.assert_fails(self.tokenize("team/tiny@v9"), "team/tiny@v9")

    def test_a_file_name_that_leaves_the_cache_is_refused(self):
        self.hub.files["../../escape.json"] = b"{}"
        self.assert_fails(self.tokenize(), "unsafe file name")

    def test_another_server_is_no_hub(self):
        self.hub.commit = ""
        self.assert_fails(self.tokenize(), "team/tiny")

    def test_a_name_that_is_no_revision_is_refused_before_anything_is_asked(self):
        result = self.tokenize("team/tiny@../../main")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("no branch, tag or commit", result.stderr)
        self.assertEqual(self.hub.requests, [])

    def test_branches_with_slashes_and_the_revision_option(self):
        self.hub.revisions |= {"refs/pr/1", "v2"}
        self.assert_works(self.tokenize("team/tiny@refs/pr/1"))
        ref = pathlib.Path(self.directory.name, "models--team--tiny", "refs", "refs", "pr", "1")
        self.assertEqual(ref.read_text(), self.hub.commit)
        result = programs.attune("tokenize", "--model_name_or_path", "team/tiny",
                                 "--model_revision", "v2", text=ROW, env=self.settings())
        self.assert_works(result)

    def test_a_gated_model_and_a_server_in_trouble(self):
        for status, word in ((403, "accept the terms"), (429, "try again later"),
                             (503, "try again later")):
            self.hub.faults["api"] = status
            self.assert_fails(self.tokenize(), str(status), word)
        del self.hub.faults["api"]
        self.hub.faults["tokenizer.json"] = 403
        self.assert_fails(self.tokenize(), "403", "HF_TOKEN")
        self.assertFalse(pathlib.Path(self.directory.name, "models--team--tiny", "refs").exists())

    def test_the_token_of_a_login_is_used_and_stays_with_its_host(self):
        self.hub.token = "secret"
        pathlib.Path(self.directory.name, "token").write_text("secret\n", encoding="utf-8")
        storage = hub_server.Hub(self.hub.files)
        self.addCleanup(storage.close)
        self.hub.storage = storage.endpoint.replace("127.0.0.1", "localhost")
        self.assert_works(self.tokenize(no_proxy="*"))
        self.assertTrue(storage.requests)
        self.assertEqual(storage.authorised, [])

    def test_a_download_that_was_killed_is_continued(self):
        with self.download_in_the_middle() as process:
            while process.poll() is None and not any(
                    part.stat().st_size == 2048
                    for part in pathlib.Path(self.directory.name).rglob("*.incomplete")):
                pass  # until what was sent has come
            self.assertIsNone(process.poll())
        self.assertFalse((self.snapshot() / "model.safetensors").exists())
        self.assert_fails(self.tokenize(HF_HUB_OFFLINE="1"), "no copy")
        self.hub.go_on.set()
        self.assert_works(self.tokenize())
        self.assertIn(("GET", "/storage/model.safetensors", "bytes=2048-"), self.hub.requests)
        self.assertEqual((self.snapshot() / "model.safetensors").read_bytes(),
                         self.hub.files["model.safetensors"])

    def test_two_downloads_at_once_share_one_file(self):
        with self.download_in_the_middle() as first:
            words = [str(programs.BIN / "attune"), "tokenize", "--model_name_or_path", "team/tiny"]
            with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True,
                                  env={**programs.os.environ, **self.settings()}) as second:
                second.stdin.write(ROW)
                second.stdin.close()
                self.assertIn("waiting for it", second.stderr.readline())
                first.kill()
                self.assertEqual(json.loads(second.stdout.read())["ids"], EXPECTED)
                self.assertEqual(second.wait(), 0)

    def test_a_server_that_ignores_ranges_sends_the_whole_file(self):
        self.hub.faults["model.safetensors"] = "truncate"
        self.assert_fails(self.tokenize(), "run the command again")
        self.hub.faults["model.safetensors"] = "whole"
        self.assert_works(self.tokenize())
        self.assertEqual((self.snapshot() / "model.safetensors").read_bytes(),
                         self.hub.files["model.safetensors"])

    def test_a_part_that_is_not_of_this_file_is_thrown_away(self):
        content = self.hub.files["model.safetensors"]
        self.assert_works(self.tokenize())
        blob = (self.snapshot() / "model.safetensors").resolve()
        for part in (b"?" * 100, b"?" * len(content), b"?" * (len(content) + 9)):
            blob.unlink()
            pathlib.Path(f"{blob}.incomplete").write_bytes(part)
            self.assert_fails(self.tokenize(), "hash")
            self.assert_works(self.tokenize())

    def test_a_hash_that_cannot_be_checked_is_refused(self):
        self.hub.faults["model.safetensors"] = "no hash"
        self.assert_fails(self.tokenize(), "no SHA-1 or SHA-256 for model.safetensors")

    def test_a_file_that_moved_within_the_server_is_followed(self):
        self.hub.faults["tokenizer.json"] = "moved"
        self.assert_works(self.tokenize())

    def test_odd_file_names_are_encoded(self):
        self.hub.files["a file #1 with 100% \u00e9.json"] = b"{}"
        self.assert_works(self.tokenize())
        self.assertEqual((self.snapshot() / "a file #1 with 100% \u00e9.json").read_bytes(), b"{}")

    def test_a_full_disk_is_one_error_and_the_download_goes_on_later(self):
        self.hub.files["model.safetensors"] = bytes(range(256)) * 1024
        result = self.tokenize(limit_file_bytes=100_000)
        self.assert_fails(result, "is the disk full?")
        self.assertFalse((self.snapshot() / "model.safetensors").exists())
        self.assert_works(self.tokenize())
        self.assertEqual((self.snapshot() / "model.safetensors").read_bytes(),
                         self.hub.files["model.safetensors"])

    def test_a_large_download_says_how_far_it_is(self):
        self.hub.files["model.safetensors"] = bytes(16_000_000)
        self.hub.faults["model.safetensors"] = "truncate"
        first = self.tokenize()
        self.assert_fails(first, "model.safetensors: 25 % of 16 MB")
        self.assertNotIn("75 %", first.stderr)
        second = self.tokenize()
        self.assert_works(second)
        self.assertIn("model.safetensors: 100 % of 16 MB", second.stderr)
        self.assertNotIn(" 25 %", second.stderr)  # it goes on where the first one ended

    def test_huggingface_hub_finds_the_same_snapshot(self):
        python = programs.ROOT / ".venv" / "bin" / "python"
        if not python.exists():
            self.skipTest("no Python environment (run scripts/setup.sh)")
        self.assert_works(self.tokenize())
        code = ("import huggingface_hub, sys; print(huggingface_hub.snapshot_download("
                "'team/tiny', cache_dir=sys.argv[1], local_files_only=True))")
        found = subprocess.run([python, "-c", code, self.directory.name], capture_output=True,
                               text=True, check=False)
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertEqual(pathlib.Path(found.stdout.strip()), self.snapshot())


@unittest.skipUnless(programs.HAS_ENGINE, programs.WITHOUT_ENGINE)
class DataSetTest(unittest.TestCase):
    """A model from the tree, its data from the hub: one step of training."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        rows = '{"prompt": "abc", "completion": "d"}\n' * 8
        self.hub = hub_server.Hub({"data/train.jsonl": rows.encode(), "dataset_infos.json": b"{}",
                                   "data/test.jsonl": rows.encode(), "card.md": b"#"},
                                  kind="datasets", name="team/set")
        self.hub.revisions.add("v1")
        self.addCleanup(self.hub.close)

    def train(self, name):
        env = {"HF_ENDPOINT": self.hub.endpoint, "HF_HUB_CACHE": self.directory.name,
               "no_proxy": "127.0.0.1"}
        run = pathlib.Path(self.directory.name, "run")
        shutil.rmtree(run, ignore_errors=True)
        return run, programs.attune(
            "train", "sft", "--model_name_or_path", programs.ROOT / "tests/golden/train/tiny",
            "--dataset_name", name, "--max_steps", "1", "--per_device_train_batch_size", "2",
            "--output_dir", run, env=env)

    def test_a_data_set_at_a_revision_is_trained_on(self):
        run, result = self.train("team/set@v1")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads((run / "data_report.json").read_text(encoding="utf-8"))
        self.assertEqual(report["train"]["rows"]["read"], 8)
        job = (run / "job.json").read_text(encoding="utf-8")
        self.assertIn(f"datasets--team--set/snapshots/{self.hub.commit}/data/train.jsonl", job)
        self.assertNotIn("dataset_infos.json", job)

    def test_a_data_set_of_parquet_files_is_trained_on(self):
        self.hub.close()
        rows = (programs.ROOT / "tests/golden/parquet/instructions.parquet").read_bytes()
        self.hub = hub_server.Hub({"data/train-00000-of-00001.parquet": rows, "README.md": b"#"},
                                  kind="datasets", name="team/set")
        self.addCleanup(self.hub.close)
        run, result = self.train("team/set")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads((run / "data_report.json").read_text(encoding="utf-8"))
        self.assertEqual(report["train"]["rows"]["kept"], 8)

    def test_an_unknown_data_set_leaves_no_run_directory(self):
        run, result = self.train("team/nothing")
        self.assertEqual(result.returncode, 1)
        self.assertIn("team/nothing@main", result.stderr)
        self.assertFalse(run.exists())


if __name__ == "__main__":
    unittest.main()
