#!/usr/bin/env python3
"""Runs the tests of one or more builds through ctest and ends with one line that counts them all.

    scripts/test.py [LEG ...] [--only REGEX]

A leg is PRESET or PRESET:full, for example `release asan` or `release:full`; the build must exist
(scripts/build.sh). Without `:full`, tests labelled `full` are left out. Every case of a GoogleTest
program counts as one, so do Python's unittest cases; a program that says nothing of itself counts
as one. Two programs run side by side, after those that say RUN_SERIAL, which run alone; a second in
which both run counts half for each of their parts, so that the parts add up to what the leg took. The
closing line is `N passed, M failed` (`, K skipped` when
so); the exit code is 1 when a test failed or none ran.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What each part of `make test` may take, in minutes; a test's part is its label of that name.
BUDGET_MINUTES = {"engine": 8, "server": 5, "web": 6, "loop": 4, "other": 2}
# Programs at once, but for those with ctest's property RUN_SERIAL: they use every core by themselves.
SIDE_BY_SIDE = 2
UNITTEST_RAN = re.compile(r"^Ran (\d+) tests? in", re.MULTILINE)
UNITTEST_END = re.compile(r"^(?:OK|FAILED|NO TESTS RAN)(?: \(([^)]*)\))?\s*$", re.MULTILINE)
PLAIN_END = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", re.MULTILINE)
SKIP_LINE = re.compile(r"\.\.\. skipped ['\"](.*)['\"]\s*$", re.MULTILINE)


class NoBuild(Exception):
    """A leg that cannot be run; it counts as one failure."""


class Counts:
    """Cases of one program; `skips` maps a reason to how many cases gave it."""

    def __init__(self, passed=0, failed=0, skips=None):
        self.passed = passed
        self.failed = failed
        self.skips = collections.Counter(skips or {})

    @property
    def skipped(self):
        return sum(self.skips.values())

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skips.update(other.skips)

    def line(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def googletest_counts(xml_text):
    """Counts from GoogleTest's XML; disabled cases count as skipped so that they are seen."""
    counts = Counts()
    for case in ElementTree.fromstring(xml_text).iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None:
            counts.failed += 1
        elif case.get("status") == "notrun":
            counts.skips["disabled in the source"] += 1
        elif skipped is not None or case.get("result") == "skipped":
            message = "" if skipped is None else skipped.get("message", "")
            counts.skips[message.strip().splitlines()[-1] if message.strip() else "no reason"] += 1
        else:
            counts.passed += 1
    return counts


def unittest_counts(output):
    """Counts from the output of Python's unittest, or None when there is none in it."""
    ran = UNITTEST_RAN.findall(output)
    if not ran:
        return None
    marks = collections.Counter()
    for details in UNITTEST_END.findall(output):
        for name, number in re.findall(r"([a-z ]+)=(\d+)", details):
            marks[name.strip()] += int(number)
    failed = marks["failures"] + marks["errors"] + marks["unexpected successes"]
    reasons = collections.Counter(SKIP_LINE.findall(output))
    unexplained = marks["skipped"] - sum(reasons.values())
    if unexplained > 0:
        reasons["no reason"] += unexplained
    return Counts(sum(map(int, ran)) - failed - marks["skipped"], failed, reasons)


def plain_counts(output):
    """Counts from a program's own closing line, or None."""
    match = PLAIN_END.findall(output)
    if not match:
        return None
    passed, failed, skipped = match[-1]
    skips = {"see the program's output": int(skipped)} if skipped else {}
    return Counts(int(passed), int(failed), skips)


def count(status, output, xml_text):
    """Cases of one program from what it left behind; `status` is ctest's word for it."""
    if status == "notrun":
        return Counts(failed=1)
    if xml_text:
        counts = googletest_counts(xml_text)
    else:
        counts = unittest_counts(output) or plain_counts(output)
    if counts is None:
        if status == "skipped":
            return Counts(skips={"the program asked to be skipped": 1})
        return Counts(passed=1) if status == "run" else Counts(failed=1)
    if status == "fail" and counts.failed == 0:
        counts.failed = 1  # it crashed, leaked or ran out of time outside of any case
    if status == "run" and counts.passed + counts.failed + counts.skipped == 0:
        counts.failed = 1  # a test program without a test
    return counts


def list_tests(build, full, only):
    command = ["ctest", "--test-dir", str(build), "--show-only=json-v1"]
    if not full:
        command += ["-LE", "^full$"]
    if only:
        command += ["-R", only]
    listing = subprocess.run(command, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        raise NoBuild(f"ctest cannot read {build}: {listing.stderr.strip()}")
    found = []
    for test in json.loads(listing.stdout)["tests"]:
        properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
        labels = properties.get("LABELS", [])
        part = next((name for name in BUDGET_MINUTES if name in labels), "other")
        alone = properties.get("RUN_SERIAL", False)
        found.append((part, test["name"], alone))
    return found


def ctest_status(junit_path, name):
    """ctest's word for the test and what the test printed."""
    try:
        cases = ElementTree.parse(junit_path).getroot().findall("testcase")
    except (OSError, ElementTree.ParseError):
        return "notrun", "ctest wrote no result"
    case = next((case for case in cases if case.get("name") == name), None)
    if case is None:
        return "notrun", "ctest did not run it"
    status = case.get("status", "notrun")
    output = case.findtext("system-out") or ""
    if status == "notrun" and case.find("skipped") is not None:
        message = case.find("skipped").get("message", "")
        status = "skipped" if "SKIP_" in message else "notrun"
    return status, output


def run_test(build, name, full):
    with tempfile.TemporaryDirectory(prefix="attune-test-") as folder:
        xml_path = pathlib.Path(folder, "cases.xml")
        junit_path = pathlib.Path(folder, "ctest.xml")
        environment = dict(os.environ, GTEST_OUTPUT=f"xml:{xml_path}")
        if full:
            environment["ATTUNE_TEST_TIER"] = "full"
        command = ["ctest", "--test-dir", str(build), "-R", f"^{re.escape(name)}$",
                   "--output-junit", str(junit_path), "--test-output-size-passed", "10000000",
                   "--test-output-size-failed", "10000000"]
        subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        status, output = ctest_status(junit_path, name)
        xml_text = xml_path.read_text(encoding="utf-8") if xml_path.exists() else ""
        try:
            return count(status, output, xml_text), output
        except ElementTree.ParseError:  # it died while writing the file
            return Counts(failed=1), output


def seconds_of_parts(spans):
    """Seconds of each part out of (part, begun, ended) of its programs: what ran at once shares them."""
    seconds = collections.Counter()
    moments = sorted({moment for _, begun, ended in spans for moment in (begun, ended)})
    for start, end in zip(moments, moments[1:]):
        running = [part for part, begun, ended in spans if begun <= start and end <= ended]
        for part in running:
            seconds[part] += (end - start) / len(running)
    return seconds


def run_leg(leg, only, total):
    preset, _, tier = leg.partition(":")
    build = ROOT / "build" / preset
    if not (build / "CTestTestfile.cmake").exists():
        raise NoBuild(f"no build in build/{preset}; run scripts/build.sh {preset}")
    tests = list_tests(build, tier == "full", only)
    print(f"test: {leg}, {len(tests)} programs", flush=True)
    spans = []
    start = time.monotonic()

    def run_one(test):
        part, name, _ = test
        begun = time.monotonic()
        counts, output = run_test(build, name, tier == "full")
        return (part, begun, time.monotonic()), name, counts, output

    def report(results):
        for span, name, counts, output in results:
            spans.append(span)
            total.add(counts)
            verdict = "FAILED" if counts.failed else "ok"
            print(f"  {verdict:6} {name:32} {counts.line()}  ({span[2] - span[1]:.1f} s)", flush=True)
            if counts.failed:
                print("\n".join(output.splitlines()[-200:]), flush=True)

    report(run_one(test) for test in tests if test[2])
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        report(pool.map(run_one, [test for test in tests if not test[2]]))
    print(f"test: {leg} took {time.monotonic() - start:.0f} s")
    for part, spent in sorted(seconds_of_parts(spans).items()):
        if leg != "release":  # the budgets are those of `make test`
            continue
        over = "  OVER BUDGET" if spent > BUDGET_MINUTES[part] * 60 else ""
        print(f"test: {leg}, part {part}: {spent:.0f} s of {BUDGET_MINUTES[part]} min{over}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("legs", nargs="*", default=["release"], help="PRESET or PRESET:full")
    parser.add_argument("--only", metavar="REGEX", help="only tests whose name matches")
    options = parser.parse_args()
    total = Counts()
    print("test: at most 25 minutes on 2 cores for `make test`; longer with more legs", flush=True)
    for leg in options.legs:
        try:
            run_leg(leg, options.only, total)
        except NoBuild as reason:
            print(f"test: {leg} FAILED: {reason}", flush=True)
            total.failed += 1
    for reason, number in total.skips.most_common():
        print(f"test: skipped {number}: {reason}")
    if total.passed + total.failed == 0:
        print("test: nothing ran")
        total.failed = 1
    print(total.line(), flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
