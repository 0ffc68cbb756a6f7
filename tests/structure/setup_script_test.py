"""scripts/setup.sh on pretended machines: programs of the same names stand first on PATH and write
down how they were called. Nothing is installed."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from tree import ROOT, write_tree

LOG = 'echo "$(basename "$0") $*" >>"$CALLS"\n'
# Says what FAKE_INSTALLED names as the installed packages; `all` is every package asked for.
DPKG_QUERY = """#!/bin/sh
shift 3
for package in "$@"; do
  case " $FAKE_INSTALLED " in *" all "*|*" $package "*) echo "$package installed" ;; esac
done
"""
# A Python of the environment: lists as missing what stands in the file MISSING of the tree.
VENV_PYTHON = """#!/bin/sh
echo "venv-python $*" >>"$CALLS"
case "$*" in
  *missing_packages.py*) cat "$TREE/MISSING" ;;
  "-m pip install"*) [ -n "$FAKE_PIP_FAILS" ] && { echo "no such wheel" >&2; exit 1; }
    : >"$TREE/MISSING" ;;
  -c*) echo "$TREE/node" ;;
esac
"""
PYTHON3 = """#!/bin/sh
echo "python3 $*" >>"$CALLS"
if [ "$2" = venv ]; then mkdir -p $3/bin && cp "$TREE/venv-python" $3/bin/python; fi
"""
PROGRAMS = {
    "dpkg-query": DPKG_QUERY, "python3": PYTHON3, "id": "#!/bin/sh\necho ${FAKE_ID:-0}\n",
    "apt-get": "#!/bin/sh\n" + LOG +
               '[ -z "$FAKE_APT_FAILS" ] || { echo "E: no space"; exit 100; }\n',
    "sudo": "#!/bin/sh\n" + LOG +
            '[ -z "$FAKE_SUDO_FAILS" ] || exit 1\n[ "$1" = -n ] && shift\nexec "$@"\n',
}


class SetupScriptTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = folder.name
        write_tree(self.tree, {f"bin/{name}": text for name, text in PROGRAMS.items()})
        write_tree(self.tree, {"venv-python": VENV_PYTHON, "node": "", "calls": "",
                               "MISSING": "torch==2.13.0\ngguf==0.19.0"})
        shutil.copytree(pathlib.Path(ROOT, "scripts"), pathlib.Path(self.tree, "scripts"),
                        ignore=shutil.ignore_patterns("__pycache__"))
        for name in [f"bin/{name}" for name in PROGRAMS] + ["venv-python", "node"]:
            pathlib.Path(self.tree, name).chmod(0o755)

    def run_setup(self, *words, **environment):
        pathlib.Path(self.tree, "calls").write_text("", encoding="utf-8")
        return subprocess.run(
            [f"{self.tree}/scripts/setup.sh", *words], capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
            env={"PATH": f"{self.tree}/bin:/usr/bin:/bin", "CALLS": f"{self.tree}/calls",
                 "TREE": self.tree, "FAKE_INSTALLED": "all", **environment})

    def calls(self, program):
        lines = pathlib.Path(self.tree, "calls").read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.startswith(program + " ")]

    def stamp(self):
        path = pathlib.Path(self.tree, ".venv", "setup.stamp")
        return path.read_text(encoding="utf-8").strip() if path.exists() else None

    def test_a_bare_machine_gets_all_and_a_second_call_does_nothing(self):
        first = self.run_setup(FAKE_INSTALLED="git")
        self.assertEqual(0, first.returncode, first.stderr)
        self.assertIn("installing g++ make", first.stdout)
        self.assertIn("minutes", first.stdout, "it says about how long it takes")
        self.assertEqual(["apt-get update -qq"], self.calls("apt-get")[:1])
        self.assertNotIn(" git ", self.calls("apt-get")[1] + " ", "it was there")
        requirements = pathlib.Path(ROOT, "scripts", "requirements.txt").read_bytes()
        self.assertEqual(hashlib.sha256(requirements).hexdigest(), self.stamp())
        self.assertTrue(os.path.islink(f"{self.tree}/.venv/bin/node"))
        second = self.run_setup()
        self.assertEqual(0, second.returncode, second.stderr)
        for program in ("apt-get", "sudo", "python3", "venv-python"):
            self.assertEqual([], self.calls(program))

    def test_the_cpu_wheel_of_torch_is_asked_for_and_no_resolver(self):
        self.run_setup()
        installs = [call for call in self.calls("venv-python") if "pip install" in call]
        self.assertTrue(installs[0].endswith("torch==2.13.0+cpu"), installs)
        self.assertTrue(all("--no-deps" in call for call in installs))

    def test_full_adds_clang(self):
        self.run_setup("--full", FAKE_INSTALLED="")
        self.assertIn(" clang ", self.calls("apt-get")[1])
        self.assertEqual(2, self.run_setup("--ful").returncode)

    def test_an_interrupted_run_is_continued(self):
        pathlib.Path(self.tree, ".venv", "bin").mkdir(parents=True)  # no Python in it yet
        self.assertEqual(0, self.run_setup().returncode)
        self.assertTrue(any("venv" in call for call in self.calls("python3")))
        pathlib.Path(self.tree, ".venv", "setup.stamp").unlink()
        write_tree(self.tree, {"MISSING": "gguf==0.19.0"})
        self.assertEqual(0, self.run_setup().returncode)
        installs = [call for call in self.calls("venv-python") if "pip install" in call]
        self.assertEqual(1, len(installs))
        self.assertTrue(installs[0].endswith(" gguf==0.19.0"), "only what is missing")
        self.assertEqual([], self.calls("python3"), "the environment is kept")

    def test_a_failed_installation_leaves_no_stamp_and_says_what_to_do(self):
        answer = self.run_setup(FAKE_PIP_FAILS="1")
        self.assertEqual(1, answer.returncode)
        self.assertIn("no such wheel", answer.stderr)
        self.assertIn("PIP_FIND_LINKS", answer.stderr)
        self.assertIsNone(self.stamp())

    def test_the_readme_says_beforehand_what_the_error_says(self):
        answer = self.run_setup(FAKE_PIP_FAILS="1")
        readme = pathlib.Path(ROOT, "README.md").read_text(encoding="utf-8")
        beforehand, _, _ = readme.partition("make demo ")
        pin = re.search(r"(?m)^torch==\S+", pathlib.Path(
            ROOT, "scripts", "requirements.txt").read_text(encoding="utf-8")).group()
        self.assertIn(f"`{pin}+cpu`", beforehand)
        for words in ("the CPU build of torch", "PIP_EXTRA_INDEX_URL=<index of CPU wheels>",
                      "PIP_FIND_LINKS=<folder with the wheel>"):
            self.assertIn(words, beforehand)
            self.assertIn(words, answer.stderr)

    def test_another_user_goes_through_sudo(self):
        answer = self.run_setup(FAKE_ID="1000", FAKE_INSTALLED="")
        self.assertEqual(0, answer.returncode, answer.stderr)
        self.assertIn("sudo -n apt-get update -qq", self.calls("sudo"))
        self.assertTrue(any("install" in call for call in self.calls("sudo")))

    def test_without_a_password_it_says_what_root_must_run(self):
        answer = self.run_setup(FAKE_ID="1000", FAKE_INSTALLED="", FAKE_SUDO_FAILS="1")
        self.assertEqual(1, answer.returncode)
        self.assertIn("as root, run", answer.stderr)
        self.assertEqual([], self.calls("apt-get"))

    def test_a_failure_of_apt_is_shown(self):
        answer = self.run_setup(FAKE_INSTALLED="", FAKE_APT_FAILS="1")
        self.assertEqual(1, answer.returncode)
        self.assertIn("E: no space", answer.stderr)


if __name__ == "__main__":
    unittest.main()
