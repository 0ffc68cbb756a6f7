"""Continues a test in the Python environment of a published SDK."""

import os
import sys

import programs


def enter(name):
    """Runs this program again by .venv-NAME's Python, unless it runs there already."""
    folder = programs.ROOT / f".venv-{name}"
    python = folder / "bin" / "python"
    if sys.prefix == str(folder):
        return
    if not python.exists():
        raise SystemExit(f"{folder} is missing: run scripts/setup.sh")
    os.execv(python, [str(python), "-B", *sys.argv])
