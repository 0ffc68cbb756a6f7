"""The set-up's parts: every requirement is pinned, and what is missing is found."""

import importlib.util
import pathlib
import re
import unittest

from tree import ROOT

PATH = pathlib.Path(ROOT, "scripts", "missing_packages.py")
SPEC = importlib.util.spec_from_file_location("missing_packages", PATH)
module = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(module)

# A library of cmake/dependencies.cmake -> what brings it.
PACKAGES = {
    "nlohmann-json": "nlohmann-json3-dev", "fmt": "libfmt-dev", "PCRE2": "libpcre2-dev",
    "OpenSSL": "libssl-dev", "SQLite": "libsqlite3-dev", "libpq": "libpq-dev",
    "libargon2": "libargon2-dev", "utf8proc": "libutf8proc-dev",
    "yaml-cpp": "libyaml-cpp-dev", "libcurl": "libcurl4-openssl-dev", "GoogleTest": "libgtest-dev",
    "RapidCheck": "librapidcheck-dev", "zlib": "zlib1g-dev", "zstd": "libzstd-dev", "OpenMPI": "libopenmpi-dev",
    "LibTorch": "the torch wheel", "Apache Arrow": "the pyarrow wheel", "NCCL": "the torch wheel",
    "libgomp": "g++",
}


class SetupTest(unittest.TestCase):
    def setUp(self):
        self.versions = {"torch": "2.13.0+cpu", "numpy": "2.0.0"}
        self.real = module.importlib.metadata.version
        module.importlib.metadata.version = self.version

    def tearDown(self):
        module.importlib.metadata.version = self.real

    def version(self, name):
        if name not in self.versions:
            raise module.importlib.metadata.PackageNotFoundError(name)
        return self.versions[name]

    def test_finds_what_is_missing_or_of_another_version(self):
        text = "# a comment\ntorch==2.13.0\nnumpy==2.4.6  # arrays\n\ngguf==0.19.0\n"
        self.assertEqual(["numpy==2.4.6", "gguf==0.19.0"], module.missing(text))

    def test_refuses_a_requirement_that_is_not_pinned(self):
        with self.assertRaisesRegex(ValueError, "numpy>=2"):
            module.missing("numpy>=2\n")

    def test_the_projects_requirements_are_pinned(self):
        files = sorted(pathlib.Path(ROOT, "scripts").glob("requirements*.txt"))
        self.assertEqual(3, len(files))
        for file in files:
            for pin in module.pins(file.read_text(encoding="utf-8")):
                self.assertRegex(pin, r"^[A-Za-z0-9_.-]+==\d[\w.]*$")

    def test_torch_comes_first(self):
        text = pathlib.Path(ROOT, "scripts", "requirements.txt").read_text(encoding="utf-8")
        self.assertTrue(module.pins(text)[0].startswith("torch=="))

    def test_setup_installs_every_dependency(self):
        setup = pathlib.Path(ROOT, "scripts", "setup.sh").read_text(encoding="utf-8")
        listed = set(re.search(r"^packages=\((.*?)\)", setup, re.M | re.S).group(1).split())
        cmake = pathlib.Path(ROOT, "cmake", "dependencies.cmake").read_text(encoding="utf-8")
        for name in re.findall(r"# dependency: ([^|]*?) *\|", cmake):
            self.assertIn(name, PACKAGES, "say here which package of scripts/setup.sh brings it")
            self.assertIn(PACKAGES[name], listed | {"the torch wheel", "the pyarrow wheel"})


if __name__ == "__main__":
    unittest.main()
