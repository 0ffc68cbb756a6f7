"""The everyday commands: each is listed by `make help` and takes its steps in order."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGETS = ["help", "setup", "build", "demo", "test", "test-full", "bench"]


def make(*words):
    return subprocess.run(["make", "--no-print-directory", *words], cwd=ROOT, capture_output=True,
                          text=True, check=True).stdout


@unittest.skipUnless(shutil.which("make"), "make is not installed")
class MakeTest(unittest.TestCase):
    def test_help_lists_every_target_and_is_the_default(self):
        text = make("help")
        self.assertEqual(text, make())
        for target in TARGETS:
            self.assertRegex(text, rf"(?m)^  {target} +\S", target)

    def test_every_target_sets_up_and_builds_before_it_runs(self):
        steps = {"build": ["scripts/build.sh release programs"],
                 "demo": ["scripts/build.sh release programs", "build/release/bin/attune demo"],
                 "test": ["scripts/build.sh release", "scripts/test.py release"],
                 "test-full": ["for preset in release asan tsan fuzz", "scripts/build.sh $preset",
                               "scripts/test.py"],
                 "bench": ["scripts/build.sh release programs benches", "bench/run"]}
        for target, expected in steps.items():
            planned = make("-n", target)
            places = [planned.find(step) for step in ["scripts/setup.sh", *expected]]
            self.assertNotIn(-1, places, planned)
            self.assertEqual(places, sorted(places), planned)

    def last_line(self, target, failing):
        """What `make TARGET` says last, and its exit code, when one step fails."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            shutil.copy(ROOT / "Makefile", root)
            (root / "scripts").mkdir()
            for name in ("setup.sh", "build.sh", "test.py"):
                script = root / "scripts" / name
                script.write_text("#!/bin/sh\n"
                                  f"case \"{name} $*\" in \"{failing}\"*) exit 1 ;; esac\n")
                script.chmod(0o755)
            answer = subprocess.run(["make", "--no-print-directory", target], cwd=root,
                                    capture_output=True, text=True, check=False)
            return answer.stdout.splitlines()[-1:], answer.returncode

    def test_tests_that_cannot_run_have_failed(self):
        for target, steps in (("test", ("setup.sh", "build.sh release")),
                              ("test-full", ("setup.sh --full", "build.sh release",
                                             "build.sh asan", "build.sh fuzz"))):
            for step in steps:
                self.assertEqual(self.last_line(target, step), (["0 passed, 1 failed"], 2), step)
            self.assertEqual(self.last_line(target, "nothing"), ([], 0), target)

    def test_every_script_of_a_target_exists(self):
        for word in make("-n", "demo", "test", "test-full", "bench").split():
            if word.startswith(("scripts/", "bench/")):
                self.assertTrue((ROOT / word).is_file(), word)


if __name__ == "__main__":
    unittest.main()
