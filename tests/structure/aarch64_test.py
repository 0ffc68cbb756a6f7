"""AArch64 compiles: what is x86's alone stays behind its guards, and, where the cross compiler
g++-aarch64-linux-gnu is installed, the sources are compiled with it.

The kernels and the processor detection are always compiled; ATTUNE_FULL=1 adds a syntax check of
everything else (10 min on 2 cores; LibTorch's headers are those of this machine), and, where
Debian's qemu-user-static or qemu-user is installed, runs the kernels' own tests
(src/engine/ops/cpu/*_alone_test.cc) on an emulated AArch64.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from tree import ROOT, read_tree

COMPILER = "aarch64-linux-gnu-g++"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-Wno-psabi"]
KERNELS = "src/engine/ops/cpu"
GOOGLETEST = pathlib.Path("/usr/src/googletest/googletest")  # sources, with Debian's libgtest-dev
EMULATOR = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
X86_TEXT = re.compile(r"immintrin|x86intrin|cpuid\.h|\b_mm\d*_|\b__m(128|256|512)|__asm__")
GUARD = re.compile(r"^#\s*if.*\b__(AVX\w*|F16C|x86_64)__")
X86_FLAG = re.compile(r"-march=x86|-mavx|-mno-avx|-mfma|-msse|-mamx")
COMPILE_KERNEL = [COMPILER, "-std=gnu++20", "-O3", "-fno-trapping-math",
                  "-DATTUNE_KERNELS=generic", "-Isrc"]
PROCESSOR = 'CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64"'


def unguarded_lines(text):
    """Numbers of the lines that hold x86 text outside of every #if about x86."""
    depth, guards, found = 0, [], []
    for number, line in enumerate(text.splitlines(), 1):
        directive = line.strip()
        if re.match(r"#\s*if", directive):
            depth += 1
            if GUARD.match(directive):
                guards.append(depth)
        elif re.match(r"#\s*else", directive) and guards and guards[-1] == depth:
            guards.pop()
        elif re.match(r"#\s*endif", directive):
            if guards and guards[-1] == depth:
                guards.pop()
            depth -= 1
        if X86_TEXT.search(line) and not guards:
            found.append(number)
    return found


def flags_for_every_processor(text):
    """Lines of a CMake file with x86 flags outside of if(<x86 processor>) ... else/endif."""
    inside, found = [], []
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("#")[0].strip()
        if code.startswith("if("):
            inside.append(PROCESSOR in code)
        elif code.startswith("else") and inside:
            inside[-1] = False
        elif code.startswith("endif") and inside:
            inside.pop()
        if X86_FLAG.search(code) and not any(inside):
            found.append(number)
    return found


def kernel_sources():
    return [*(path for path in sorted(pathlib.Path(ROOT, KERNELS).glob("*.cc"))
              if not path.name.endswith("_test.cc")),
            pathlib.Path(ROOT, "src/engine/tensor/cpu_features.cc")]


def compile_all(commands):
    """Runs compilers side by side; the error text of those that fail."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = pool.map(lambda c: subprocess.run(c, cwd=ROOT, capture_output=True, text=True),
                        commands)
        return [run.stderr for run in runs if run.returncode != 0]


def check_syntax(folders):
    """The compiler's command but for the source. `folders` have headers of libraries that the cross
    compiler's own lack: this machine's."""
    headers = [word for folder in folders for word in ("-idirafter", str(folder))]
    return [COMPILER, "-std=gnu++20", "-fsyntax-only", *WARNINGS, *headers,
            '-DATTUNE_VERSION="0"', '-DATTUNE_SOURCE_DIR="."', "-Isrc", "-I."]


class GuardsTest(unittest.TestCase):
    def test_finds_what_is_outside(self):
        self.assertEqual(unguarded_lines("#if defined(__AVX2__)\n_mm_add_ps();\n#else\n"
                                         "_mm_sub_ps();\n#endif\n__m256 x;\n"), [4, 6])
        self.assertEqual(flags_for_every_processor(
            f"if({PROCESSOR})\n-mavx2\nelse()\n-mavx2\nendif()\n# -mavx2\n-mfma\n"), [4, 7])

    def test_sources(self):
        for name, text in read_tree(ROOT, ["src", "bench", "fuzz"], {".h", ".cc"}):
            self.assertEqual(unguarded_lines(text), [], f"{name}: x86 text without a guard")

    def test_flags(self):
        for name, text in read_tree(ROOT, suffixes={".txt", ".cmake"}):
            if name.endswith((".cmake", "CMakeLists.txt")):
                self.assertEqual(flags_for_every_processor(text), [],
                                 f"{name}: x86 flags for every processor")


@unittest.skipUnless(shutil.which(COMPILER), f"no {COMPILER}: nothing was compiled for AArch64")
class CrossCompilerTest(unittest.TestCase):
    def test_kernels(self):
        sources = kernel_sources()
        self.assertGreater(len(sources), 7)
        errors = compile_all([*COMPILE_KERNEL, *WARNINGS, "-c", str(source), "-o", os.devnull]
                             for source in sources)
        self.assertEqual(errors, [])

    @unittest.skipUnless(os.environ.get("ATTUNE_FULL"), "only in make test-full")
    @unittest.skipUnless(EMULATOR, "no qemu-aarch64: nothing was run on AArch64")
    @unittest.skipUnless(GOOGLETEST.exists(), "no sources of GoogleTest")
    def test_kernels_run(self):
        tests = sorted(pathlib.Path(ROOT, KERNELS).glob("*_alone_test.cc"))
        sources = [*kernel_sources(), *tests, GOOGLETEST / "src/gtest-all.cc",
                   GOOGLETEST / "src/gtest_main.cc"]
        with tempfile.TemporaryDirectory() as folder:
            objects = [f"{folder}/{source.name}.o" for source in sources]
            errors = compile_all([*COMPILE_KERNEL, "-w", f"-I{GOOGLETEST}",
                                  f"-I{GOOGLETEST}/include", "-c", str(source), "-o", out]
                                 for source, out in zip(sources, objects))
            self.assertEqual(errors, [])
            program = f"{folder}/kernels_test"
            subprocess.run([COMPILER, "-static", *objects, "-o", program, "-pthread"], check=True)
            answer = subprocess.run([EMULATOR, program], capture_output=True, text=True,
                                    check=False)
        self.assertEqual(0, answer.returncode, answer.stdout + answer.stderr)
        self.assertRegex(answer.stdout, r"\[  PASSED  \] \d\d? tests")
        self.assertIn("KernelsAlone.MatrixProducts/generic", answer.stdout)
        print(re.search(r"\[  PASSED  \].*", answer.stdout).group(), "on AArch64", flush=True)

    @unittest.skipUnless(os.environ.get("ATTUNE_FULL"), "only in make test-full")
    def test_everything_without_libtorch(self):
        sources = [path for path in sorted(pathlib.Path(ROOT, "src").rglob("*.cc"))
                   if "engine" not in path.parts and not path.name.endswith("_test.cc")]
        folders = ["/usr/include", "/usr/include/x86_64-linux-gnu", "/usr/include/postgresql",
                   *ROOT.glob(".venv/lib/python3*/site-packages/pyarrow/include")]
        self.check(sources, [*check_syntax(folders), "-Icmake/lean_headers"], [])

    @unittest.skipUnless(os.environ.get("ATTUNE_FULL"), "only in make test-full")
    def test_engine(self):
        torch = next(ROOT.glob(".venv/lib/python3*/site-packages/torch/include"))
        sources = [path for path in sorted(pathlib.Path(ROOT, "src/engine").rglob("*.cc"))
                   if not path.name.endswith("_test.cc") and KERNELS not in str(path)
                   and path.name != "nccl_communicator.cc"]  # it needs a LibTorch for CUDA
        self.assertGreater(len(sources), 150)
        command = [*check_syntax([torch, torch / "torch/csrc/api/include",
                                  "/usr/lib/x86_64-linux-gnu/openmpi/include", "/usr/include",
                                  "/usr/include/x86_64-linux-gnu"]),
                   "-fopenmp", "-DAT_PER_OPERATOR_HEADERS", "-Icmake/lean_headers"]
        self.check(sources, command, ['"cmake/precompiled_torch.h"'])

    def check(self, sources, command, headers):
        """Every source alone, after what nearly all of them read, which is compiled once."""
        with tempfile.TemporaryDirectory() as folder:
            header = f"{folder}/common.h"
            pathlib.Path(header).write_text("".join(f"#include {name}\n" for name in (
                "<functional>", "<map>", "<memory>", "<optional>", "<string>", "<vector>",
                "<fmt/format.h>", "<nlohmann/json.hpp>", *headers)))
            made = [word for word in command if word != "-fsyntax-only"]
            subprocess.run([*made, "-x", "c++-header", header, "-o", f"{header}.gch"], cwd=ROOT,
                           check=True)
            errors = compile_all([*command, "-Winvalid-pch", "-include", header, str(source)]
                                 for source in sources)
        self.assertEqual(errors, [])


if __name__ == "__main__":
    unittest.main()
