"""Goldens come from a script kept beside them that records the versions of its libraries, and no
test trains with another library: what that library says is recorded once.

A topic is a folder of tests/golden/. Its scripts are make_*.py with the modules beside them.
"""

import pathlib
import re
import tempfile
import unittest

from tree import ROOT, read_tree, write_tree

VERSION = re.compile(r'"[a-z][\w-]*": ?"\d+\.\d+')  # "torch": "2.13.0+cpu"
RECORDS_VERSION = re.compile(r"__version__|metadata\.version\(")
TRAINS = re.compile(r"\.backward\(|\btorch\.optim\b|\b\w*Trainer\(|\bget_scheduler\(")
HEAD_BYTES = 1 << 20  # of a file, where versions are looked for
SEEDS_ONLY = {"make_seeds.py"}  # writes the fuzz targets' first inputs: no values of a library


def names_of_makers(topic):
    return sorted(path.name for path in topic.glob("make_*.py") if path.name not in SEEDS_ONLY)


def text_with_modules(script):
    """The script's text and that of the modules beside it that it imports."""
    text = script.read_text()
    modules = [script.with_name(f"{name}.py")
               for name in re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)]
    return "\n".join([text] + [module.read_text() for module in modules if module.exists()])


def orphans(topic):
    """Files and folders of the topic that none of its scripts names."""
    text = "\n".join(path.read_text() for path in sorted(topic.glob("*.py")))
    words = set(re.findall(r"[A-Za-z0-9_-]+", text))
    entries = [path for path in sorted(topic.iterdir())
               if path.suffix not in (".py", ".md") and path.name != "__pycache__"]
    return [path.name for path in entries if path.name.split(".")[0] not in words]


def holds_versions(topic):
    return any(VERSION.search(path.read_bytes()[:HEAD_BYTES].decode("utf-8", "replace"))
               for path in sorted(topic.rglob("*")) if path.is_file() and path.suffix != ".py")


def complaints(golden):
    found = []
    for topic in sorted(path for path in golden.iterdir() if path.is_dir()):
        if not names_of_makers(topic):
            found.append(f"{topic.name}: has no make_*.py")
        found += [f"{topic.name}/{name}: no script beside it names it" for name in orphans(topic)]
        found += [f"{topic.name}/{name}: records no version of a library"
                  for name in names_of_makers(topic)
                  if not RECORDS_VERSION.search(text_with_modules(topic / name))]
        if not holds_versions(topic):
            found.append(f"{topic.name}: no file says which versions made it")
    return found


def trainers(root, folders):
    return [f"{name}: {match.group()}" for name, text in read_tree(root, folders, {".py"})
            if not name.startswith("tests/golden/") and name != "tests/structure/goldens_test.py"
            for match in TRAINS.finditer(text)]


class RulesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def test_what_lacks_its_script_or_versions_is_found(self):
        write_tree(self.root, {
            "good/make_a.py": "from pen import write\nwrite('a.json')",
            "good/pen.py": "versions = torch.__version__",
            "good/a.json": '{"torch": "2.13.0"}',
            "good/README.md": "about",
            "bare/b.json": '{"torch": "2.13.0"}',
            "silent/make_c.py": "write('c.json')",
            "silent/c.json": "{}",
            "silent/other.json": "{}",
        })
        self.assertEqual(complaints(self.root), [
            "bare: has no make_*.py", "bare/b.json: no script beside it names it",
            "silent/other.json: no script beside it names it",
            "silent/make_c.py: records no version of a library",
            "silent: no file says which versions made it"])

    def test_training_with_another_library_is_found(self):
        write_tree(self.root, {"tests/golden/x/make_x.py": "loss.backward()",
                               "tests/e2e/x_test.py": "SFTTrainer(model)\nloss.backward()",
                               "tests/e2e/y_test.py": "attune('train', 'sft')"})
        self.assertEqual(trainers(self.root, ["tests"]), [
            "tests/e2e/x_test.py: SFTTrainer(", "tests/e2e/x_test.py: .backward("])


class TreeTest(unittest.TestCase):
    def test_every_golden_has_its_script_and_versions(self):
        self.assertEqual(complaints(ROOT / "tests" / "golden"), [])

    def test_no_test_trains_with_another_library(self):
        self.assertEqual(trainers(ROOT, ["tests", "scripts", "src"]), [])


if __name__ == "__main__":
    unittest.main()
