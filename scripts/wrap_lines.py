#!/usr/bin/env python3
"""Wraps C++ lines over 100 columns with clang-format and touches nothing else.

    scripts/wrap_lines.py [FILE ...]     without a file: those that differ from the last commit
"""

import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX_COLUMNS = 100


def long_lines(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return [number for number, line in enumerate(lines, 1) if len(line) > MAX_COLUMNS]


def wrap(path):
    """Wraps line by line, as each change moves the following ones; the lines that stay too long."""
    stuck = 0
    while len(long_lines(path)) > stuck:
        number = long_lines(path)[stuck]
        before = path.read_bytes()
        subprocess.run(["clang-format", "-i", "--style=file", f"--lines={number}:{number}",
                        str(path)], cwd=ROOT, check=True)
        if path.read_bytes() == before:
            stuck += 1
    return long_lines(path)


def changed_files():
    command = ["git", "ls-files", "--modified", "--others", "--exclude-standard", "*.h", "*.cc"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return listing.stdout.split()


def main():
    if shutil.which("clang-format") is None:
        sys.exit("wrap_lines: clang-format is missing: run scripts/setup.sh --full")
    left = 0
    for name in sys.argv[1:] or changed_files():
        path = ROOT / name
        for number in wrap(path) if path.exists() else []:
            print(f"{name}:{number}: still too long; break it by hand")
            left += 1
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
