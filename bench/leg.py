"""Runs one leg of a benchmark row: leg.py SPEC.json (written by harness.py). Waits until the machine
is quiet, runs the command alone, and records wall clock, processor time, peak memory, and how much
of the machine anything else used meanwhile."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

QUIET_SHARE = 0.05  # of all cores, busy with something else


def machine_seconds():
    """(busy, stolen) seconds of all cores since the machine started."""
    fields = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _wait, interrupts, soft, stolen = (int(x) for x in fields[:8])
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + interrupts + soft) / ticks, stolen / ticks


def wait_until_quiet(patience):
    """The share of the machine that others use, when it is low or `patience` seconds are over."""
    share, begin = 0.0, time.monotonic()
    while time.monotonic() - begin < patience:
        busy, _ = machine_seconds()
        time.sleep(1.0)
        share = (machine_seconds()[0] - busy) / (os.cpu_count() or 1)
        if share <= QUIET_SHARE:
            break
    return share


def probe(engine):
    """The machine's own peak as `attune-engine doctor` measures it."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run([engine, "doctor", file.name], check=True, capture_output=True)
        found = json.load(open(file.name))
    return {key: round(found[key], 1) for key in ("fp32_gflops", "read_gb_per_s")}


def run(spec):
    load, before = os.getloadavg(), wait_until_quiet(spec["patience"])
    probes = [probe(spec["doctor"])] if spec["doctor"] else []
    busy, stolen = machine_seconds()
    begin = time.monotonic()
    with open(spec["output"], "wb") as output:
        child = subprocess.Popen(spec["command"], stdout=output, stderr=subprocess.STDOUT,
                                 env={**os.environ, **spec["env"]})
        _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - begin
    busy_after, stolen_after = machine_seconds()
    if spec["doctor"]:
        probes.append(probe(spec["doctor"]))
    own = usage.ru_utime + usage.ru_stime
    machine = wall * (os.cpu_count() or 1)
    return {"exit": os.waitstatus_to_exitcode(status), "load_before": [round(x, 2) for x in load],
            "busy_before": round(before, 3), "wall_seconds": round(wall, 2),
            "cpu_seconds": round(own, 2), "peak_rss_mib": round(usage.ru_maxrss / 1024, 1),
            "foreign_share": round(max(0.0, (busy_after - busy - own) / machine), 4),
            "stolen_share": round((stolen_after - stolen) / machine, 4), "probes": probes}


if __name__ == "__main__":
    wanted = json.loads(pathlib.Path(sys.argv[1]).read_text())
    pathlib.Path(wanted["result"]).write_text(json.dumps(run(wanted)))
