"""The layer test: reads every #include below src/ and fails on the first that goes up.

    base < text, weights, feedback, data, recipes, protocol < engine | server < cli

Folders of one level do not include each other, but for text < weights < data and feedback < data.
"""

import pathlib
import re
import tempfile
import unittest

from tree import ROOT, read_tree, write_tree

MIDDLE = {"text", "weights", "data", "feedback", "recipes", "protocol"}
# A folder of src/ -> the folders it may include, besides itself.
SRC = {"base": set(), "text": {"base"}, "weights": {"base", "text"},
       "data": {"base", "text", "weights", "feedback"}, "feedback": {"base"}, "recipes": {"base"},
       "protocol": {"base"}, "engine": {"base"} | MIDDLE, "server": {"base"} | MIDDLE,
       "cli": {"base", "server"} | MIDDLE}
NN = {"tensor", "ops"}
MODELS = NN | {"nn"}
METHODS = MODELS | {"models"}
TRAIN = METHODS | {"generate", "objectives", "optim", "comm"}
# The same inside engine/ and server/. The program itself lies on top and may include all of them.
ENGINE = {"tensor": set(), "ops": {"tensor"}, "nn": NN, "models": MODELS,
          "generate": METHODS, "objectives": METHODS, "optim": {"tensor"}, "comm": {"tensor"},
          "train": TRAIN, "evaluate": TRAIN, "serve": METHODS | {"generate", "evaluate"}}
SERVER = {"domain": set(), "store": {"domain"}, "http": set(), "auth": {"domain", "store"},
          "jobs": {"domain", "store"}, "api": {"domain", "store", "auth", "jobs", "http"}}
INNER = {"engine": ENGINE, "server": SERVER}
# Inside engine/train, whose files themselves are what every method shares; testing/ is for tests.
METHOD = {"", "rows"}
TRAIN_FOLDERS = {"": set(), "rows": {""}, "sequences": METHOD, "preferences": METHOD,
                 "reward": METHOD | {"preferences"}, "on_policy": METHOD | {"preferences"},
                 "testing": METHOD | {"sequences"}}
# Inside server/api, whose files themselves are the table of endpoints and what all of them share.
OF_DATASETS = {"", "datasets"}
API_FOLDERS = {"": set(), "accounts": {""}, "datasets": {""}, "openapi": {""}, "webhooks": {""},
               "records": OF_DATASETS | {"accounts"}, "search": OF_DATASETS | {"records"},
               "responses": OF_DATASETS | {"records"}, "judgement": OF_DATASETS,
               "export": OF_DATASETS | {"records"}, "testing": {"", "webhooks"}}
SUBJECTS = {"engine/train": TRAIN_FOLDERS, "server/api": API_FOLDERS}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
LIBTORCH = re.compile(r"^(torch|ATen|c10|caffe2)/")
# What the engine never links: HTTP, SQL, YAML.
NOT_IN_ENGINE = re.compile(r"^(curl/|sqlite3|libpq|yaml-cpp/|httplib)")


def unit(path):
    """('engine', 'ops') of engine/ops/x.cc; the inner folder is '' where there is none."""
    parts = path.split("/")
    inner = parts[1] if parts[0] in INNER and len(parts) > 2 else ""
    return parts[0], inner


def upward(path, included):
    """Why src/path may not include src/included, or None."""
    outer, inner = unit(path)
    target, target_inner = unit(included)
    if outer not in SRC:
        return f"src/{outer} is not in the layer table (tests/structure/layers_test.py)"
    if target != outer:
        return None if target in SRC[outer] else f"src/{outer} must not include src/{target}"
    table = INNER.get(outer)
    if table is None or inner == target_inner or inner == "":
        return None
    if inner not in table:
        return f"src/{outer}/{inner} is not in the layer table (tests/structure/layers_test.py)"
    if target_inner in table[inner]:
        return None
    return f"src/{outer}/{inner} must not include src/{outer}/{target_inner or '(the program)'}"


def subject(path):
    """('engine/train', 'rows') of engine/train/rows/x.cc, ('engine/train', '') of engine/train/x.cc."""
    parts = path.split("/")
    return "/".join(parts[:2]), parts[2] if len(parts) > 3 else ""


def upward_in_subjects(path, included):
    """Why a file of engine/train or server/api that is no test may not include another one of
    them, or None."""
    (parent, folder), (target_parent, target) = subject(path), subject(included)
    if parent not in SUBJECTS or target_parent != parent or folder == target:
        return None
    if folder not in SUBJECTS[parent]:
        return f"src/{parent}/{folder} is not in the layer table (tests/structure/layers_test.py)"
    if target in SUBJECTS[parent][folder]:
        return None
    return f"src/{parent}/{folder or '*'} must not include src/{parent}/{target or '*'}"


def foreign(path, included):
    """Why src/path may not include a library's header, or None."""
    outer, _ = unit(path)
    if LIBTORCH.match(included) and outer != "engine":
        return "LibTorch stays inside src/engine"
    if NOT_IN_ENGINE.match(included) and outer == "engine":
        return "the engine links no HTTP, SQL or YAML"
    return None


def is_test_source(root, path):
    """Whether the file, or the .cc of a header, is a source of an attune_test of its folder, or of
    the folder above where it has no CMakeLists.txt of its own."""
    source = pathlib.Path(root, path).with_suffix(".cc")
    above = [folder for folder in source.parents[:2] if (folder / "CMakeLists.txt").exists()]
    text = (above[0] / "CMakeLists.txt").read_text(encoding="utf-8") if above else ""
    name = source.relative_to(above[0]).as_posix() if above else ""
    calls = re.findall(r"attune_test\(([^)]*)\)", text)
    return any(name in re.split(r"\s+", call) for call in calls)


def find_problems(root):
    """One line per wrong include below root/src."""
    problems = []
    for path, text in read_tree(root, ("src",), {".h", ".cc", ".cu"}):
        inside = path.removeprefix("src/")
        if "/" not in inside:
            problems.append(f"{path}: sources belong into a folder of src/")
            continue
        for match in INCLUDE.finditer(text):
            quote, included = match.groups()
            line = text.count("\n", 0, match.start()) + 1
            if quote == "<":
                problem = foreign(inside, included)
            elif pathlib.Path(root, "src", included).exists():
                problem = upward(inside, included)
                if problem is None and not is_test_source(root, path):
                    problem = upward_in_subjects(inside, included)
            elif included.startswith("tests/") and pathlib.Path(root, included).exists():
                problem = None if is_test_source(root, path) else "only sources of an attune_test"
            elif included.startswith("generated/"):
                problem = None  # made by the build
            else:
                problem = "no such file; write includes from src/"
            if problem:
                problems.append(f'{path}:{line}: includes "{included}": {problem}')
    return problems


class LayerTest(unittest.TestCase):
    def test_the_tree_keeps_the_layer_sentence(self):
        problems = find_problems(ROOT)
        if problems:
            self.fail("\n" + "\n".join(problems))

    def test_every_folder_of_src_is_in_the_table(self):
        for folder in pathlib.Path(ROOT, "src").iterdir():
            if folder.is_dir():
                self.assertIn(folder.name, SRC)
        for outer, table in INNER.items():
            for folder in pathlib.Path(ROOT, "src", outer).glob("*/"):
                self.assertIn(folder.name, table, f"src/{outer}/{folder.name}")

    def problems_of(self, files):
        with tempfile.TemporaryDirectory() as root:
            write_tree(root, files)
            return find_problems(root)

    def assert_refused(self, path, include, reason):
        header = include.strip('<">')
        files = {f"src/{path}": f"#include {include}\n"}
        if include.startswith('"') and reason != "no such file":
            files[f"src/{header}"] = "\n"
        problems = self.problems_of(files)
        self.assertEqual(1, len(problems), problems)
        self.assertIn(reason, problems[0])

    def test_every_folder_of_train_and_of_the_api_is_in_the_table(self):
        for parent, table in SUBJECTS.items():
            for folder in pathlib.Path(ROOT, "src", parent).glob("*/"):
                self.assertIn(folder.name, table, f"src/{parent}/{folder.name}")

    def test_refuses_an_include_that_goes_up_inside_train(self):
        train = "engine/train"
        self.assert_refused(f"{train}/a.h", f'"{train}/rows/b.h"', "must not include")
        self.assert_refused(f"{train}/preferences/a.h", f'"{train}/on_policy/b.h"', "must not")
        self.assert_refused(f"{train}/reward/a.h", f'"{train}/testing/b.h"', "must not include")
        self.assert_refused(f"{train}/other/a.h", f'"{train}/b.h"', "not in the layer table")

    def test_refuses_an_include_that_goes_up_inside_the_api(self):
        api = "server/api"
        self.assert_refused(f"{api}/a.h", f'"{api}/records/b.h"', "must not include")
        self.assert_refused(f"{api}/datasets/a.h", f'"{api}/records/b.h"', "must not include")
        self.assert_refused(f"{api}/records/a.h", f'"{api}/responses/b.h"', "must not include")
        self.assert_refused(f"{api}/export/a.h", f'"{api}/testing/b.h"', "must not include")
        self.assert_refused(f"{api}/other/a.h", f'"{api}/b.h"', "not in the layer table")

    def test_refuses_an_include_that_goes_up(self):
        self.assert_refused("base/a.cc", '"text/b.h"', "src/base must not include src/text")
        self.assert_refused("text/a.h", '"weights/b.h"', "must not include")
        self.assert_refused("feedback/a.h", '"data/b.h"', "must not include")
        self.assert_refused("engine/nn/a.cc", '"server/api/b.h"', "must not include")
        self.assert_refused("server/api/a.cc", '"engine/nn/b.h"', "must not include")
        self.assert_refused("cli/a.cc", '"engine/nn/b.h"', "src/cli must not include src/engine")

    def test_refuses_an_include_that_goes_up_inside_a_program(self):
        self.assert_refused("engine/tensor/a.h", '"engine/ops/b.h"', "must not include")
        self.assert_refused("engine/optim/a.h", '"engine/ops/b.h"', "must not include")
        self.assert_refused("engine/generate/a.h", '"engine/objectives/b.h"', "must not include")
        self.assert_refused("server/domain/a.h", '"server/store/b.h"', "must not include")
        self.assert_refused("server/http/a.h", '"server/domain/b.h"', "must not include")
        self.assert_refused("engine/odd/a.h", '"engine/ops/b.h"', "not in the layer table")

    def test_refuses_libraries_out_of_their_place(self):
        self.assert_refused("cli/a.cc", "<ATen/core/Tensor.h>", "LibTorch stays inside")
        self.assert_refused("engine/train/a.cc", "<curl/curl.h>", "the engine links no HTTP")

    def test_refuses_an_include_that_is_not_written_from_src(self):
        self.assert_refused("base/a.cc", '"b.h"', "no such file")

    def test_refuses_test_support_outside_of_tests(self):
        files = {"tests/support/g.h": "", "src/text/b.cc": '#include "tests/support/g.h"\n',
                 "src/text/CMakeLists.txt": "attune_test(text_test SOURCES c.cc DEPS d)\n"}
        self.assertIn("only sources of an attune_test", self.problems_of(files)[0])

    def test_accepts_what_goes_down(self):
        self.assertEqual([], self.problems_of({
            "src/base/a.h": "#include <vector>\n",
            "src/text/b.h": '#include "base/a.h"\n',
            "src/weights/c.h": '#include "text/b.h"\n',
            "src/engine/ops/d.h": '#include "weights/c.h"\n#include <ATen/ops/mm.h>\n',
            "src/engine/train/e.h": '  #  include "engine/ops/d.h"\n',
            "src/engine/main.cc": '#include "engine/train/e.h"\n',
            "src/cli/f.h": '#include "text/b.h"\n',
            "tests/support/g.h": "\n",
            "src/text/CMakeLists.txt": "attune_test(text_test\n  SOURCES b_test.cc DEPS d)\n",
            "src/text/b_test.cc": '#include "tests/support/g.h"\n'}))


if __name__ == "__main__":
    unittest.main()
