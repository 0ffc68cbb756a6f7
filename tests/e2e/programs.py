"""Runs Attune's programs for the tests of this folder."""

import os
import pathlib
import subprocess

BIN = pathlib.Path(os.environ["ATTUNE_BIN_DIR"])
ROOT = pathlib.Path(__file__).resolve().parents[2]


def attune(*words, text="", env=None, timeout_s=240):
    """Runs `attune words...` with `text` on standard input; returns the finished process."""
    return subprocess.run(
        [str(BIN / "attune"), *map(str, words)], input=text, capture_output=True, text=True,
        env={**os.environ, **(env or {})}, timeout=timeout_s, check=False)
