"""The files of the source tree, for the structure tests: (relative path, text) pairs."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SKIPPED_FOLDERS = {"build", "runs", "node_modules", "__pycache__"}
TEXT_SUFFIXES = {".h", ".cc", ".cu", ".py", ".sh", ".md", ".cmake", ".txt", ".yaml", ".yml",
                 ".json", ".ts", ".css", ".html", ".svg", ".sql", ""}


def read_tree(root, folders=("",), suffixes=frozenset(TEXT_SUFFIXES)):
    """Yields (path relative to root, text) of every text file below the folders, in order."""
    for folder in folders:
        for directory, subfolders, names in os.walk(pathlib.Path(root, folder)):
            subfolders[:] = sorted(name for name in subfolders
                                   if name not in SKIPPED_FOLDERS
                                   and (not name.startswith(".") or name == ".ci"))
            for name in sorted(names):
                path = pathlib.Path(directory, name)
                if path.suffix not in suffixes or path.is_symlink() or name == ".git":
                    continue
                if name == ".git":  # of a work tree beside the clone
                    continue
                data = path.read_bytes()
                if b"\0" in data:
                    continue
                yield path.relative_to(root).as_posix(), data.decode("utf-8", "replace")


def write_tree(root, files):
    """Makes a small tree for a test: {relative path: text}."""
    for name, text in files.items():
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
