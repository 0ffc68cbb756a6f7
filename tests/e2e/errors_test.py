"""Runs the error cases of tests/cases/errors: wrong input, one clear error, nothing left behind.

A `.case` file holds cases, line by line; `#` begins a comment:

    case NAME                 begins a case
    copy NAME SOURCE          a file or folder of the tree
    file NAME                 a text file: the lines after it that are indented by four spaces
    bytes NAME EXPRESSION     bytes literals with + and *: b"GGUF" + b"\\0" * 8
    json NAME KEY VALUE       sets a (dotted) key of a JSON file
    cut NAME SIZE             keeps the first SIZE bytes
    remove NAME
    stdin NAME                a file as standard input
    env NAME VALUE
    limit BYTES               no file may grow beyond: a disk that is full
    run WORDS                 the command line after `attune`; a line that ends in \\ goes on
    exit CODE                 1 failed, 2 wrong use
    says TEXT                 a part of the error; any number
    leaves NAME               what may appear in the folder besides; any number

The program runs in a folder with these files only. It must end with CODE, print one line that begins
with "attune: error: " and contains each TEXT, and leave the folder as it was, but for NAMEs. In a
NAME that is a run's folder there may be no result and nothing half written (unfinished() below).
"""

import ast
import json
import pathlib
import re
import shlex
import shutil
import tempfile
import unittest

import programs

CASES = programs.ROOT / "tests" / "cases" / "errors"
INDENT = "    "


class Case:
    def __init__(self, name, place):
        self.name = name
        self.place = place      # FILE:LINE
        self.preparation = []   # (directive, rest of the line, block)
        self.words = None
        self.exit_code = None
        self.says = []
        self.leaves = []
        self.stdin = None
        self.env = {}
        self.limit = None

    def take(self, directive, rest, block):
        if directive in ("copy", "file", "bytes", "json", "cut", "remove"):
            self.preparation.append((directive, rest, block))
        elif directive == "run":
            self.words = shlex.split(rest)
        elif directive == "exit":
            self.exit_code = int(rest)
        elif directive == "says":
            self.says.append(rest)
        elif directive == "leaves":
            self.leaves.append(rest)
        elif directive == "stdin":
            self.stdin = rest
        elif directive == "env":
            name, value = rest.split(maxsplit=1)
            self.env[name] = value
        elif directive == "limit":
            self.limit = int(rest)
        else:
            raise ValueError(f"{self.place}: there is no directive {directive!r}")

    def check_complete(self):
        if not self.words or self.exit_code not in (1, 2) or not self.says:
            raise ValueError(f"{self.place}: a case needs run, exit 1 or 2, and says")


def parse_cases(path):
    """The cases of one file, in order."""
    cases = []
    lines = path.read_text(encoding="utf-8").split("\n")
    at = 0
    while at < len(lines):
        place, line = f"{path.name}:{at + 1}", lines[at]
        at += 1
        if not line.strip() or line.startswith("#"):
            continue
        while line.endswith("\\") and at < len(lines):
            line = line[:-1] + lines[at].lstrip()
            at += 1
        block = []
        while at < len(lines) and lines[at].startswith(INDENT):
            block.append(lines[at][len(INDENT):])
            at += 1
        directive, _, rest = line.partition(" ")
        if directive == "case":
            cases.append(Case(rest, place))
        elif not cases:
            raise ValueError(f"{place}: a file begins with a case")
        else:
            cases[-1].take(directive, rest, block)
    for case in cases:
        case.check_complete()
    return cases


def bytes_of(expression):
    """The value of bytes literals joined by + and repeated by *."""
    def value(node):
        if isinstance(node, ast.Constant) and isinstance(node.value, (bytes, int)):
            return node.value
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return value(node.left) + value(node.right)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            return value(node.left) * value(node.right)
        raise ValueError(f"{expression}: bytes literals, + and * are known")
    return value(ast.parse(expression, mode="eval").body)


def set_key(path, key, text):
    document = json.loads(path.read_text(encoding="utf-8"))
    *parents, last = key.split(".")
    place = document
    for parent in parents:
        place = place[parent]
    place[last] = json.loads(text)
    path.write_text(json.dumps(document), encoding="utf-8")


def prepare(folder, directive, rest, block):
    name, _, argument = rest.partition(" ")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if directive == "copy":
        source = programs.ROOT / argument
        shutil.copytree(source, path) if source.is_dir() else shutil.copyfile(source, path)
    elif directive == "file":
        path.write_text("".join(line + "\n" for line in block), encoding="utf-8")
    elif directive == "bytes":
        path.write_bytes(bytes_of(argument))
    elif directive == "json":
        set_key(path, *argument.split(maxsplit=1))
    elif directive == "cut":
        path.write_bytes(path.read_bytes()[:int(argument)])
    elif directive == "remove":
        path.unlink()


def contents(folder):
    """Every path below the folder with what it holds (folders: None)."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
            for path in folder.rglob("*")}


def unfinished(paths):
    """Those that a failed run may not leave: its results, temporary names, and checkpoints that lack
    the file that is written last (docs/formats/run-directory.md)."""
    found = set()
    for path in paths:
        name = pathlib.PurePath(path).name
        result = name in ("final", "value")
        temporary = re.search(r"\.partial(-\d+)?$", name) or ".tmp-" in name
        checkpoint = re.search(r"(^|/)checkpoints/step-\d+$", path)
        if result or temporary or (checkpoint and path + "/state.json" not in paths):
            found.add(path)
    return found


class ErrorCases(unittest.TestCase):
    def run_case(self, case):
        if case.words[0] in programs.ENGINE_COMMANDS and not programs.HAS_ENGINE:
            self.skipTest(programs.WITHOUT_ENGINE)
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for directive, rest, block in case.preparation:
                prepare(folder, directive, rest, block)
            text = (folder / case.stdin).read_text(encoding="utf-8") if case.stdin else ""
            before = contents(folder)
            # Without a network a name that might be a hub's is answered at once.
            result = programs.attune(*case.words, text=text, env={"HF_HUB_OFFLINE": "1", **case.env},
                                     cwd=folder, limit_file_bytes=case.limit)
            after = contents(folder)
        self.check_answer(case, result)
        left = {path for path in after if path not in before or after[path] != before[path]}
        left = {path for path in left
                if not any(path == kept or path.startswith(kept + "/") for kept in case.leaves)}
        self.assertEqual(left, set(), f"{case.place}: left behind or changed")
        self.assertEqual(unfinished(after.keys() - before.keys()), set(),
                         f"{case.place}: a result of a failed run, or half of one")
        self.assertEqual(set(before) - set(after), set(), f"{case.place}: taken away")

    def check_answer(self, case, result):
        shown = f"{case.place}: {case.name}\nexit code {result.returncode}\n{result.stderr}"
        self.assertEqual(result.returncode, case.exit_code, shown)
        errors = [line for line in result.stderr.split("\n") if line.startswith("attune: error: ")]
        self.assertEqual(len(errors), 1, shown)
        for text in case.says:
            self.assertIn(text, errors[0], shown)


class Format(unittest.TestCase):
    def test_a_case_that_checks_nothing_is_refused(self):
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name, "a.case")
            for text in ("case x\nrun tokenize\nexit 1\n", "case x\nrun tokenize\nsays a\n",
                         "case x\nexit 0\nrun tokenize\nsays a\n", "case x\nexits 1\n", "says a\n"):
                path.write_text(text, encoding="utf-8")
                self.assertRaises(ValueError, parse_cases, path)

    def test_what_a_failed_run_may_not_leave_is_found(self):
        whole = {"run", "run/events.jsonl", "run/finality", "run/checkpoints/step-1",
                 "run/checkpoints/step-1/state.json", "run/reference/train-1.safetensors"}
        self.assertEqual(unfinished(whole), set())
        for path in ("run/final", "run/folds/0/final", "run/value", "run/final.partial",
                     "run/checkpoints/step-2", "run/checkpoints/step-2.partial", "a.partial-17",
                     "run/job.json.tmp-17-0"):
            self.assertEqual(unfinished(whole | {path}), {path})

    def test_bytes_are_literals_only(self):
        self.assertEqual(bytes_of(r'b"a\0" + b"b" * 2'), b"a\0bb")
        self.assertRaises(ValueError, bytes_of, "open('x')")


def add_tests():
    for path in sorted(CASES.glob("*.case")):
        for case in parse_cases(path):
            slug = re.sub(r"\W+", "_", f"{path.stem} {case.name}").lower()
            method = f"test_{slug}"
            if hasattr(ErrorCases, method):
                raise ValueError(f"{case.place}: there are two cases of this name")
            setattr(ErrorCases, method, lambda self, case=case: self.run_case(case))


add_tests()

if __name__ == "__main__":
    unittest.main()
