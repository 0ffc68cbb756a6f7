"""scripts/test.py counts what the programs report, and never takes a crash for a pass."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from tree import ROOT, write_tree

SPEC = importlib.util.spec_from_file_location("runner", pathlib.Path(ROOT, "scripts", "test.py"))
runner = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(runner)

GOOGLETEST = """<testsuites tests="5"><testsuite name="A">
<testcase name="a" status="run" result="completed" classname="A"/>
<testcase name="b" status="run" result="completed" classname="A"><failure message="x"/></testcase>
<testcase name="c" status="run" result="skipped" classname="A">
  <skipped message="a_test.cc:7&#x0A;sample data absent: x"/></testcase>
<testcase name="d" status="notrun" result="suppressed" classname="A"/>
<testcase name="e" status="run" result="completed" classname="A"/>
</testsuite></testsuites>"""
PASSING = '<testsuites><testsuite><testcase name="a" status="run" result="completed"/>' \
          "</testsuite></testsuites>"


class RunnerTest(unittest.TestCase):
    def test_counts_googletest_cases(self):
        counts = runner.count("fail", "", GOOGLETEST)
        self.assertEqual("2 passed, 1 failed, 2 skipped", counts.line())
        self.assertEqual(1, counts.skips["sample data absent: x"])

    def test_a_program_that_dies_after_its_cases_has_failed(self):
        self.assertEqual("1 passed, 1 failed", runner.count("fail", "leak", PASSING).line())
        self.assertEqual("1 passed, 0 failed", runner.count("run", "", PASSING).line())

    def test_a_program_that_did_not_run_has_failed(self):
        self.assertEqual("0 passed, 1 failed", runner.count("notrun", "", "").line())
        self.assertEqual("0 passed, 1 failed", runner.count("fail", "no output", "").line())

    def test_a_program_without_a_test_has_failed(self):
        empty = "<testsuites tests='0'></testsuites>"
        self.assertEqual("0 passed, 1 failed", runner.count("run", "", empty).line())
        self.assertEqual("0 passed, 1 failed",
                         runner.count("run", "Ran 0 tests in 0.0s\n\nOK\n", "").line())

    def test_counts_unittest_cases(self):
        output = ("test_x (A) ... skipped 'no samples'\nRan 7 tests in 0.1s\n\n"
                  "FAILED (failures=1, errors=2, skipped=1)\n")
        counts = runner.count("fail", output, "")
        self.assertEqual("3 passed, 3 failed, 1 skipped", counts.line())
        self.assertEqual(1, counts.skips["no samples"])
        self.assertEqual("2 passed, 0 failed",
                         runner.count("run", "Ran 2 tests in 1.0s\n\nOK\n", "").line())

    def test_parts_share_the_time_in_which_they_run_at_once(self):
        spans = [("engine", 0, 4), ("server", 4, 10), ("other", 6, 8), ("server", 8, 12)]
        self.assertEqual({"engine": 4, "server": 2 + 1 + 4, "other": 1},
                         runner.seconds_of_parts(spans))

    def test_counts_a_closing_line(self):
        output = "case a\n1 passed, 0 failed\nmore\n12 passed, 0 failed, 3 skipped\n"
        self.assertEqual("12 passed, 0 failed, 3 skipped", runner.count("run", output, "").line())

    def test_a_silent_program_counts_as_one(self):
        self.assertEqual("1 passed, 0 failed", runner.count("run", "all well", "").line())
        self.assertEqual("0 passed, 0 failed, 1 skipped", runner.count("skipped", "", "").line())


# What ctest is given: programs that end in every way that a program can end.
CTEST_FILE = """
add_test(good "/bin/sh" "-c" "echo 3 passed, 0 failed")
add_test(wrong "/bin/sh" "-c" "echo 2 passed, 1 failed; exit 1")
add_test(crash "/bin/sh" "-c" "kill -SEGV $$")
add_test(slow "/bin/sh" "-c" "read never </dev/zero")
set_tests_properties(slow PROPERTIES TIMEOUT 1)
add_test(absent "/nowhere/program")
add_test(later "/bin/sh" "-c" "exit 1")
set_tests_properties(later PROPERTIES LABELS "full")
add_test(left "/bin/sh" "-c" "touch left; until [ -e right ]; do :; done")
add_test(right "/bin/sh" "-c" "touch right; until [ -e left ]; do :; done")
set_tests_properties(left right PROPERTIES TIMEOUT 20)
add_test(beside "/bin/sh" "-c" "touch beside; test -e alone")
add_test(single "/bin/sh" "-c" "touch alone; ! test -e beside")
set_tests_properties(single PROPERTIES RUN_SERIAL ON)
"""


class RunnerProgramTest(unittest.TestCase):
    """The whole script, on builds that are nothing but a list of tests."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = folder.name
        write_tree(self.tree, {"build/release/CTestTestfile.cmake": CTEST_FILE,
                               "build/asan/CTestTestfile.cmake": CTEST_FILE})
        pathlib.Path(self.tree, "scripts").mkdir()
        shutil.copy(pathlib.Path(ROOT, "scripts", "test.py"), f"{self.tree}/scripts/test.py")

    def run_tests(self, *words):
        result = subprocess.run([f"{self.tree}/scripts/test.py", *words], capture_output=True,
                                text=True, check=False, env={**os.environ, "TMPDIR": self.tree})
        return result.returncode, result.stdout.splitlines()[-1:], result

    def test_every_way_to_fail_fails(self):
        for name in ("wrong", "crash", "slow", "absent"):
            with self.subTest(name):
                code, last, result = self.run_tests("release", "--only", f"^{name}$")
                self.assertEqual(1, code, result.stdout)
                passed = 2 if name == "wrong" else 0
                self.assertEqual([f"{passed} passed, 1 failed"], last)

    def test_what_passes_passes_and_legs_add_up(self):
        code, last, result = self.run_tests("release", "asan", "--only", "^good$")
        self.assertEqual(0, code, result.stderr)
        self.assertEqual(["6 passed, 0 failed"], last)

    def test_two_run_side_by_side_and_some_alone_before_them(self):
        for name, passed in (("^(left|right)$", 2), ("^(beside|single)$", 2)):
            code, last, result = self.run_tests("release", "--only", name)
            self.assertEqual((0, [f"{passed} passed, 0 failed"]), (code, last), result.stdout)

    def test_the_full_tier_is_asked_for(self):
        self.assertEqual(1, self.run_tests("release:full", "--only", "^later$")[0])
        code, last, _ = self.run_tests("release", "--only", "^later$")
        self.assertEqual((1, ["0 passed, 1 failed"]), (code, last), "nothing ran")

    def test_a_build_that_is_not_there_fails(self):
        code, last, result = self.run_tests("debug")
        self.assertEqual((1, ["0 passed, 1 failed"]), (code, last))
        self.assertIn("no build in build/debug", result.stdout)
        code, last, _ = self.run_tests("debug", "release", "--only", "^good$")
        self.assertEqual((1, ["3 passed, 1 failed"]), (code, last))  # the other leg ran


class CiTest(unittest.TestCase):
    """.ci/run with scripts that only say that they were called."""

    def run_ci(self, failing="", free_mib=None):
        """`free_mib`: what the disk has left, in place of the true figure."""
        with tempfile.TemporaryDirectory() as folder:
            script = '#!/bin/sh\necho "called $(basename $0) $*"\n[ "$(basename $0) $1" != "%s" ]\n'
            write_tree(folder, {f"scripts/{name}": script % failing
                                for name in ("setup.sh", "build.sh", "test.py")})
            pathlib.Path(folder, ".ci").mkdir()
            shutil.copy(pathlib.Path(ROOT, ".ci", "run"), f"{folder}/.ci/run")
            for path in pathlib.Path(folder, "scripts").iterdir():
                path.chmod(0o755)
            environment = dict(os.environ)
            if free_mib is not None:
                write_tree(folder, {"bin/df": f"#!/bin/sh\necho Avail\necho {free_mib}\n"})
                pathlib.Path(folder, "bin", "df").chmod(0o755)
                environment["PATH"] = f"{folder}/bin:{environment['PATH']}"
            result = subprocess.run([f"{folder}/.ci/run"], capture_output=True, text=True,
                                    check=False, env=environment)
        calls = [line[7:] for line in result.stdout.splitlines() if line.startswith("called ")]
        return result.returncode, calls, result.stdout.splitlines()

    def test_it_sets_up_builds_and_tests_with_and_without_sanitizers(self):
        code, calls, _ = self.run_ci(free_mib=20000)
        self.assertEqual(0, code)
        self.assertEqual(["setup.sh ", "build.sh release", "build.sh asan", "test.py release asan"],
                         calls)

    def test_a_stage_that_fails_ends_it(self):
        for stage, reached in (("setup.sh ", 1), ("build.sh release", 2), ("build.sh asan", 3)):
            code, calls, lines = self.run_ci(failing=stage, free_mib=20000)
            self.assertEqual((1, reached), (code, len(calls)), stage)
            self.assertEqual("0 passed, 1 failed", lines[-1])
        self.assertEqual(1, self.run_ci(failing="test.py release", free_mib=20000)[0])

    def test_a_disk_too_full_for_the_builds_is_said_before_them(self):
        code, calls, lines = self.run_ci(free_mib=5000)
        self.assertEqual((1, []), (code, calls))
        self.assertEqual("0 passed, 1 failed", lines[-1])
        self.assertTrue(any("5000 MiB of disk are free" in line for line in lines), lines)
        self.assertTrue(any("MiB are needed at" in line for line in lines), lines)


if __name__ == "__main__":
    unittest.main()
