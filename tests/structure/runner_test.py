"""scripts/test.py counts what the programs report, and never takes a crash for a pass."""

import importlib.util
import pathlib
import unittest

from tree import ROOT

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

    def test_counts_a_closing_line(self):
        output = "case a\n1 passed, 0 failed\nmore\n12 passed, 0 failed, 3 skipped\n"
        self.assertEqual("12 passed, 0 failed, 3 skipped", runner.count("run", output, "").line())

    def test_a_silent_program_counts_as_one(self):
        self.assertEqual("1 passed, 0 failed", runner.count("run", "all well", "").line())
        self.assertEqual("0 passed, 0 failed, 1 skipped", runner.count("skipped", "", "").line())


if __name__ == "__main__":
    unittest.main()
