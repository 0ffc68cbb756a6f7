"""Runs Attune's programs for the tests of this folder."""

import os
import pathlib
import resource
import subprocess

BIN = pathlib.Path(os.environ["ATTUNE_BIN_DIR"])
ROOT = pathlib.Path(__file__).resolve().parents[2]
# A build with sanitizers has no engine, since LibTorch is not built with them.
HAS_ENGINE = (BIN / "attune-engine").exists()
WITHOUT_ENGINE = "this build has no attune-engine"
ENGINE_COMMANDS = ("score", "generate", "chat", "evaluate", "train", "doctor", "demo")


def attune(*words, text="", env=None, cwd=None, limit_file_bytes=None, timeout_s=240,
           stdout=subprocess.PIPE):
    """Runs `attune words...` with `text` on standard input; returns the finished process.

    With `limit_file_bytes` no file may grow beyond that size, as on a disk that is full.
    """
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_file_bytes, limit_file_bytes))

    return subprocess.run(
        [str(BIN / "attune"), *map(str, words)], input=text, stdout=stdout,
        stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}, cwd=cwd,
        timeout=timeout_s, check=False,
        preexec_fn=limit if limit_file_bytes is not None else None)
