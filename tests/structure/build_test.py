"""The build: which LibTorch it takes, what another processor is built with, and that a warning
fails where it must."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from tree import ROOT, write_tree

CMAKE = os.environ.get("ATTUNE_CMAKE", "cmake")
# Compiles two units that are not there yet; one of them has a warning until `mended` is there.
COMPILES = """#!/bin/sh
case "$*" in
  *--build*)
    for unit in a b; do
      [ -f build/release/$unit.o ] && continue
      echo "compiling $unit"
      if [ $unit = a ] && [ ! -f mended ]; then
        echo "../src/a.cc:3:5: warning: unused variable 'x' [-Wunused-variable]"
      fi
      touch build/release/$unit.o
    done ;;
  *) mkdir -p build/release && touch build/release/build.ninja ;;
esac
"""
SAYS_WARNING = """#!/bin/sh
case "$*" in
  *--build*) echo "../src/a.cc:3:5: warning: unused variable 'x' [-Wunused-variable]" ;;
  *) mkdir -p build/release && touch build/release/build.ninja ;;
esac
"""


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


class TorchVersionTest(unittest.TestCase):
    def ask(self, version):
        return run([CMAKE, f"-DTORCH_VERSION={version}", "-P",
                    str(pathlib.Path(ROOT, "cmake", "torch_version.cmake"))])

    def test_accepts_2_11_to_2_14(self):
        for version in ("2.11.0", "2.12.1", "2.13.0", "2.13.0+cpu", "2.14.0", "2.14.9"):
            self.assertEqual(0, self.ask(version).returncode, version)

    def test_refuses_others_and_says_what_to_do(self):
        for version in ("1.13.1", "2.2.0", "2.10.9", "2.15.0", "3.0.0"):
            answer = self.ask(version)
            self.assertNotEqual(0, answer.returncode, version)
            message = " ".join(answer.stderr.split())
            self.assertIn(f"LibTorch {version} was found; Attune builds with 2.11 to 2.14", message)
            self.assertIn("scripts/setup.sh", message)

    def test_the_version_that_is_found_is_the_one_that_is_asked_about(self):
        with tempfile.TemporaryDirectory() as folder:
            write_tree(folder, {
                "CMakeLists.txt": "cmake_minimum_required(VERSION 3.25)\nproject(a NONE)\n"
                                  f"list(APPEND CMAKE_MODULE_PATH {ROOT}/cmake)\n"
                                  "include(torch)\n",
                "torch/TorchConfig.cmake": "set(Torch_FOUND TRUE)\n",
                "torch/TorchConfigVersion.cmake": 'set(PACKAGE_VERSION "2.10.0")\n'
                                                  "set(PACKAGE_VERSION_COMPATIBLE TRUE)\n"})
            answer = run([CMAKE, "-S", folder, "-B", f"{folder}/build", "-G", "Ninja",
                          f"-DTorch_DIR={folder}/torch"])
        self.assertNotEqual(0, answer.returncode)
        self.assertIn("LibTorch 2.10.0 was found", " ".join(answer.stderr.split()))


class OtherProcessorTest(unittest.TestCase):
    def commands(self, processor):
        """The compile commands of everything without LibTorch for another processor."""
        with tempfile.TemporaryDirectory() as folder:
            answer = run([CMAKE, "-S", ROOT, "-B", folder, "-G", "Ninja",
                          "-DCMAKE_SYSTEM_NAME=Linux",
                          f"-DCMAKE_SYSTEM_PROCESSOR={processor}", "-DATTUNE_WITH_ENGINE=OFF",
                          "-DATTUNE_WITH_TESTS=OFF", "-DATTUNE_WITH_BENCH=OFF",
                          "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"])
            self.assertEqual(0, answer.returncode, answer.stderr)
            text = pathlib.Path(folder, "compile_commands.json").read_text(encoding="utf-8")
        return [entry["command"] for entry in json.loads(text)]

    def test_aarch64_gets_no_flag_of_x86(self):
        commands = self.commands("aarch64")
        self.assertTrue(commands)
        for command in commands:
            self.assertNotIn("-march=", command)
            self.assertNotIn("-mavx", command)

    def test_x86_has_its_floor(self):
        self.assertTrue(all("-march=x86-64-v3" in line for line in self.commands("x86_64")))


class PresetsTest(unittest.TestCase):
    def test_each_one_configures(self):
        presets = json.loads(pathlib.Path(ROOT, "CMakePresets.json").read_text(encoding="utf-8"))
        names = [preset["name"] for preset in presets["configurePresets"]
                 if not preset.get("hidden")]
        self.assertEqual(["release", "debug", "asan", "tsan", "fuzz"], names)
        for name in names:
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                if name == "fuzz" and not shutil.which("clang++"):
                    self.skipTest("no clang++: scripts/setup.sh --full brings it")
                answer = run([CMAKE, "--preset", name, "-B", folder, "-DATTUNE_WITH_ENGINE=OFF",
                              "-DATTUNE_WITH_BENCH=OFF"], cwd=ROOT)
                self.assertEqual(0, answer.returncode, answer.stderr)


class UnityTest(unittest.TestCase):
    SOURCES = {"a.cc": "\nint twice(int x) { return 2 * x; }\nint a() { return twice(1); }\n",
               "b.cc": "\nconst char* twice(const char* x) {\n  return x;\n}\n",
               "c.cc": "\nstruct Pair {\n  int twice() { return 2; }\n};\n",
               "d.cc": "\nconstexpr int kTable[] = {1};\nint d() { return kTable[0]; }\n",
               "e.cc": "\nstruct Pair : Base {};\nconstexpr int kTable = 2;\n",
               "f.cc": "\n// " + "x" * 25000 + "\n"}

    def test_what_declares_one_name_is_compiled_apart(self):
        with tempfile.TemporaryDirectory() as folder:
            write_tree(folder, {
                **self.SOURCES,
                "CMakeLists.txt": "cmake_minimum_required(VERSION 3.25)\nproject(a CXX)\n"
                                  f"include({ROOT}/cmake/unity.cmake)\n"
                                  f"add_library(a {' '.join(self.SOURCES)})\n"
                                  f"attune_use_unity(a TESTS {' '.join(self.SOURCES)})\n"})
            answer = run([CMAKE, "-S", folder, "-B", f"{folder}/build", "-G", "Ninja"])
            self.assertEqual(0, answer.returncode, answer.stderr)
            units = [re.findall(r"/(\w\.cc)", path.read_text(encoding="utf-8"))
                     for path in pathlib.Path(folder).rglob("unity_*.cxx")]
        self.assertIn(["a.cc", "c.cc", "d.cc"], units)
        self.assertIn(["b.cc", "e.cc"], units)
        self.assertNotIn("f.cc", sum((unit for unit in units if len(unit) > 1), []))


class WarningsTest(unittest.TestCase):
    def build(self, **environment):
        with tempfile.TemporaryDirectory() as folder:
            write_tree(folder, {"bin/cmake": SAYS_WARNING})
            pathlib.Path(folder, "bin/cmake").chmod(0o755)
            pathlib.Path(folder, "scripts").mkdir()
            shutil.copy(pathlib.Path(ROOT, "scripts", "build.sh"), f"{folder}/scripts/build.sh")
            path = f"{folder}/bin:{os.environ['PATH']}"
            return run([f"{folder}/scripts/build.sh", "release"],
                       env={**os.environ, "ATTUNE_WARNINGS": "", "PATH": path, **environment})

    def test_a_warning_fails_the_build_where_asked_for(self):
        answer = self.build(ATTUNE_WARNINGS="error")
        self.assertEqual(1, answer.returncode)
        self.assertIn("release has 1 warnings", answer.stderr)
        self.assertIn("unused variable", answer.stdout)

    def test_and_only_there(self):
        self.assertEqual(0, self.build().returncode)

    def test_a_warning_of_an_earlier_build_fails_too(self):
        with tempfile.TemporaryDirectory() as folder:
            write_tree(folder, {"bin/cmake": COMPILES})
            pathlib.Path(folder, "bin/cmake").chmod(0o755)
            pathlib.Path(folder, "scripts").mkdir()
            shutil.copy(pathlib.Path(ROOT, "scripts", "build.sh"), f"{folder}/scripts/build.sh")

            def build(warnings):
                path = f"{folder}/bin:{os.environ['PATH']}"
                return run([f"{folder}/scripts/build.sh", "release"],
                           env={**os.environ, "ATTUNE_WARNINGS": warnings, "PATH": path})

            self.assertEqual(0, build("").returncode)
            for _ in range(2):  # it stays
                answer = build("error")
                self.assertEqual(1, answer.returncode, answer.stdout)
                self.assertIn("unused variable", answer.stdout)
            pathlib.Path(folder, "mended").touch()
            self.assertEqual(0, build("error").returncode)
            answer = build("error")  # what was looked at is not made again
            self.assertEqual(0, answer.returncode)
            self.assertNotIn("compiling", answer.stdout)
            pathlib.Path(folder, "mended").unlink()
            pathlib.Path(folder, "build/release/a.o").unlink()  # its source has changed
            self.assertEqual(0, build("").returncode)
            answer = build("error")
            self.assertEqual(1, answer.returncode)
            self.assertNotIn("compiling b", answer.stdout)

    def test_ci_asks_for_it(self):
        text = pathlib.Path(ROOT, ".ci", "run").read_text(encoding="utf-8")
        self.assertIn("ATTUNE_WARNINGS=error", text)


if __name__ == "__main__":
    unittest.main()
