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


def asked_versions(cmake):
    """(name, version of its line, version that CMake asks for) of every dependency; "" for none."""
    for block in re.split(r"(?m)^\s*# dependency: ", cmake)[1:]:
        name, version = (field.strip() for field in block.split("|")[:2])
        asked = re.search(r"find_package\((?!PkgConfig)\w[\w-]* ([\d.]+)|"
                          r"pkg_check_modules\([^)]*>=([\d.]+)", block)
        yield name, version, (asked.group(1) or asked.group(2)) if asked else ""


def parts(version):
    """3, 3.0 and 3.0.0 are one version."""
    numbers = [int(number) for number in version.strip().split(".") if number]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


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
        elsewhere += "find_package(OpenMP" in read("cmake/torch.cmake")
        self.assertEqual(found + elsewhere, len(notices.dependencies(cmake)))

    def test_cmake_asks_for_the_versions_that_the_lines_name(self):
        cmake = read("cmake/dependencies.cmake")
        compared = 0
        for name, version, asked in asked_versions(cmake):
            if version.startswith(">="):
                self.assertEqual(parts(version[2:]), parts(asked), name)
                compared += 1
            else:
                self.assertIn(name, ("Apache Arrow", "RapidCheck", "libgomp", "LibTorch",
                                     "NCCL"),
                              "only these name no lowest version")
        self.assertGreater(compared, 10)
        low, high = re.search(r"VERSION_LESS ([\d.]+) OR version VERSION_GREATER_EQUAL ([\d.]+)",
                              read("cmake/torch_version.cmake")).groups()
        below = f"{high.split('.')[0]}.{int(high.split('.')[1]) - 1}"
        self.assertIn(f"LibTorch | {low} to {below} |", cmake)

    def test_notices_a_version_that_differs(self):
        row = "# dependency: fmt | >= 9.1 | MIT | text\nfind_package(fmt 9 REQUIRED)\n"
        (_, version, asked), = asked_versions(row)
        self.assertNotEqual(parts(version[2:]), parts(asked))

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
