"""owner/name through the hub's protocol, against a server of our own on loopback."""

import json
import pathlib
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


class HubTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        files = {"config.json": b'{"model_type": "llama"}',
                 "tokenizer.json": json.dumps(TOKENIZER).encode(),
                 "model.safetensors": b"\x00" * 4096, "README.md": b"not wanted"}
        self.hub = hub_server.Hub(files)
        self.addCleanup(self.hub.close)

    def tokenize(self, name="team/tiny", **env):
        settings = {"HF_ENDPOINT": self.hub.endpoint, "HF_HUB_CACHE": self.directory.name,
                    "HF_TOKEN": "", "no_proxy": "127.0.0.1", **env}
        return programs.attune("tokenize", "--model_name_or_path", name,
                               text='{"id": 1, "text": "hey"}\n', env=settings)

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


if __name__ == "__main__":
    unittest.main()
