"""THIRD_PARTY_NOTICES.md is what scripts/notices.py makes of the dependencies."""

import importlib.util
import pathlib
import re
import unittest

from tree import ROOT

SPEC = importlib.util.spec_from_file_location(
    "notices", pathlib.Path(ROOT, "scripts", "notices.py"))
notices = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(notices)


def read(name):
    return pathlib.Path(ROOT, name).read_text(encoding="utf-8")


class NoticesTest(unittest.TestCase):
    def test_the_page_is_up_to_date(self):
        text = notices.page(read("cmake/dependencies.cmake"), notices.requirements())
        self.assertEqual(text, read("THIRD_PARTY_NOTICES.md"), "run scripts/notices.py")

    def test_every_library_that_cmake_finds_has_a_dependency_line(self):
        cmake = read("cmake/dependencies.cmake")
        found = re.findall(r"^\s*(?:find_package\(|pkg_check_modules\(|find_library\()", cmake,
                           re.MULTILINE)
        found = len(found) - cmake.count("find_package(PkgConfig")
        elsewhere = sum(f"include({name})" in cmake for name in ("torch", "nccl", "arrow"))
        self.assertEqual(found + elsewhere, len(notices.dependencies(cmake)))

    def test_a_new_dependency_changes_the_page(self):
        row = "# dependency: zlib | 1.2 | Zlib | gzip files\n"
        self.assertIn("| zlib | 1.2 | Zlib | gzip files |", notices.page(row, ""))

    def test_refuses_an_incomplete_line(self):
        with self.assertRaisesRegex(ValueError, "name | version | licence | reason"):
            notices.dependencies("# dependency: zlib | 1.2\n")

    def test_refuses_a_package_without_a_known_licence(self):
        with self.assertRaisesRegex(ValueError, "licence of nobody-knows"):
            notices.python_packages("# as: a trial\nnobody-knows==1.0\n")


if __name__ == "__main__":
    unittest.main()
