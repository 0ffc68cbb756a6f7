"""The tidy test: the tree keeps the rules of tidy_rules.py, and each rule catches its breach."""

import pathlib
import tempfile
import unittest

import tidy_rules
from tree import ROOT, write_tree

LONG_BODY = "  int a = 0;\n" * 71


class TidyTest(unittest.TestCase):
    def test_the_tree_is_tidy(self):
        problems = tidy_rules.find_problems(ROOT)
        if problems:
            self.fail("\n" + "\n".join(problems))

    def test_every_exception_is_still_needed(self):
        for table in (tidy_rules.LONG_FILES, tidy_rules.LONG_FUNCTIONS, tidy_rules.OUTSIDE_PATHS):
            for path, reason in table.items():
                self.assertTrue(pathlib.Path(ROOT, path).exists(), f"{path} is gone")
                self.assertTrue(reason)

    def problems_of(self, path, text):
        with tempfile.TemporaryDirectory() as root:
            write_tree(root, {path: text})
            return tidy_rules.find_problems(root)

    def assert_refused(self, path, text, reason):
        problems = self.problems_of(path, text)
        self.assertEqual(1, len(problems), problems)
        self.assertIn(reason, problems[0])

    def test_refuses_a_long_file(self):
        self.assert_refused("src/a/b.cc", "int x;\n" * 501, "501 lines")
        self.assertEqual([], self.problems_of("src/a/b.cc", "int x;\n" * 500))

    def test_refuses_a_long_line(self):
        self.assert_refused("src/a/b.cc", "// " + "x" * 98 + "\n", "101 columns")
        self.assertEqual([], self.problems_of("src/a/b.cc", "// " + "x" * 97 + "\n"))

    def test_refuses_a_long_function(self):
        self.assert_refused("src/a/b.cc", "void f() {\n" + LONG_BODY + "}\n", "function of 73")
        inside = "namespace a {\nclass B {\n public:\n  int f(int x) const {\n"
        self.assert_refused("src/a/b.h", inside + LONG_BODY + "  }\n};\n}\n", "b.h:4: a function")
        head = "Result<std::pair<int, int>> f(\n    int a,\n    int b) {\n"
        self.assert_refused("src/a/b.cc", "int x;\n" + head + LONG_BODY + "}\n", "b.cc:2:")
        self.assert_refused("src/a/b_test.cc", "TEST(A, B) {\n" + LONG_BODY + "}\n", "function")

    def test_does_not_take_other_blocks_for_functions(self):
        self.assertEqual([], self.problems_of(
            "src/a/b.cc", "namespace a {\n" + "void f() {\n  g();\n}\n" * 100 + "}\n"))
        self.assertEqual([], self.problems_of(
            "src/a/b.cc", "const int table[] = {\n" + "  1,\n" * 100 + "};\n"))
        self.assertEqual([], self.problems_of(
            "src/a/b.cc", "struct A {\n" + "  int x;\n" * 100 + "};\n"))

    def test_braces_in_strings_and_comments_do_not_count(self):
        body = '  g("{");  // {\n  h(\'{\');\n  k(R"({)");\n  /* { */\n'
        text = ("void f() {\n" + body + "}\n") * 30
        self.assertEqual([], self.problems_of("src/a/b.cc", text))
        self.assertEqual([], tidy_rules.long_functions("int x = 1'000'000;\n" + text))

    def test_refuses_banned_includes(self):
        for header in ("torch/torch.h", "ATen/ATen.h", "glog/logging.h"):
            self.assert_refused("src/engine/nn/a.cc", f"#include <{header}>\n", "banned")
        autograd = "#include <torch/csrc/autograd/custom_function.h>\n"
        self.assert_refused("src/engine/nn/a.cc", autograd, "autograd's headers")
        self.assertEqual([], self.problems_of("src/engine/ops/a.cc", autograd))

    def test_refuses_using_namespace_in_a_header(self):
        self.assert_refused("src/a/b.h", "using namespace std;\n", "using namespace")
        self.assertEqual([], self.problems_of("src/a/b.cc", "using namespace std::literals;\n"))

    def test_refuses_tests_that_sleep_or_are_switched_off(self):
        self.assert_refused("src/a/b_test.cc", "std::this_thread::sleep_for(x);\n", "sleeps")
        self.assert_refused("tests/e2e/a.py", "time.sleep(1)\n", "sleeps")
        self.assert_refused("src/a/b_test.cc", "TEST(A, DISABLED_b) {}\n", "disabled")

    def test_refuses_a_property_that_cannot_fail(self):
        self.assert_refused("src/a/b_test.cc", "  rc::check([] {});\n", "result is dropped")
        kept = "EXPECT_TRUE(rc::check([] {}));\n"
        self.assertEqual([], self.problems_of("src/a/b_test.cc", kept))

    def test_refuses_paths_outside_the_tree(self):
        for path in ("/work/x", "/root", "/opt/wheels", "/tmp/x", "/home/me"):
            self.assert_refused("src/a/b.cc", f'open("{path}");\n', "outside the tree")
        self.assert_refused("docs/a.md", "see `/opt/x`\n", "outside the tree")
        self.assertEqual([], self.problems_of(
            "src/a/b.cc", 'get("/workspaces"); get("/api/work"); open("a/tmp/b"); // ../root\n'))

    def test_refuses_words_of_the_workplace_and_ragged_ends(self):
        self.assert_refused("docs/a.md", "made in a work" + "tree\n", "how the tree was made")
        self.assert_refused("docs/a.md", "see shared/" + "design.md\n", "how the tree was made")
        self.assert_refused("docs/a.md", "a line \n", "blanks at the end")
        self.assert_refused("src/a/b.cc", "int x;", "no end")

    def test_refuses_left_overs_vague_names_and_registry_hosts(self):
        self.assert_refused("src/a/b.cc", "// TO" + "DO: later\n", "left-over")
        self.assert_refused("src/a/file_utils.cc", "\n", "vague name")
        self.assert_refused("src/a/job_manager.h", "\n", "vague name")
        self.assert_refused("docs/a.md", "from pypi" + ".org\n", "registry")
        self.assertEqual([], self.problems_of("src/a/utilisation.cc", "\n"))


if __name__ == "__main__":
    unittest.main()
