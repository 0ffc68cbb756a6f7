"""The text cases of tests/cases/server/, each on a server's own data base state, on both data bases."""

import pathlib
import unittest

import api_case
import databases
import programs

FOLDER = programs.ROOT / "tests" / "cases" / "server"


class Cases(databases.OnServer):
    """A test for each file is added below."""


def add(path):
    def test(self):
        text = path.read_text(encoding="utf-8")
        steps = api_case.parse(text, path.name)
        self.assertTrue(steps, "a case without requests")
        runner = api_case.Runner(self.server)
        try:
            runner.run(steps)
        except api_case.Mismatch as error:
            self.fail(f"{path.name}: {error}")

    setattr(Cases, "test_" + path.stem, test)


for case in sorted(pathlib.Path(FOLDER).glob("*.case")):
    add(case)


class CaseFormat(unittest.TestCase):
    """The reader itself: a case that is wrong must fail."""

    def fails(self, expected, found, says):
        with self.assertRaisesRegex(api_case.Mismatch, says):
            api_case.Runner(None).compare(expected, found, "answer")

    def test_differences_are_found(self):
        self.fails({"a": 1}, {"a": 2}, r"answer\.a is 2, not 1")
        self.fails({"a": 1}, {}, "has no `a`")
        self.fails({}, {"b": 1}, r"also has \['b'\]")
        self.fails([1], [1, 2], "has 2 items")
        self.fails(["...",], "x", "answer is")
        self.fails([1, 2, "..."], [1], "has 1 items")
        self.fails(True, 1, "answer is 1")
        self.fails(None, 0, "answer is 0")
        self.fails("@t", "yesterday", "no time")
        self.fails({"a": "$x", "b": "$x"}, {"a": "1", "b": "2"}, r"answer\.b")
        self.fails("$x", None, "nothing to hold")

    def test_what_may_differ_may_differ(self):
        runner = api_case.Runner(None)
        runner.compare({"a": "*", "...": 0}, {"a": [1], "b": 2}, "answer")
        runner.compare([1, "..."], [1, 2, 3], "answer")
        runner.compare(1.0, 1, "answer")
        runner.compare({"a": "$x", "b": "id $x"}, {"a": "1", "b": "id 1"}, "answer")

    def test_a_line_that_is_none_is_named(self):
        for text in ("GEST /x\n200\n", "200 {}\n", "GET /x\n", "GET /x\n200 {\n",
                     "GET /x\n200\n201\n"):
            with self.assertRaisesRegex(ValueError, r"c:\d"):
                api_case.parse(text, "c")


def load_tests(loader, tests, pattern):
    suite = databases.on_each_database(Cases)(loader, tests, pattern)
    suite.addTests(loader.loadTestsFromTestCase(CaseFormat))
    return suite


if __name__ == "__main__":
    unittest.main()
