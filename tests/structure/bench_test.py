"""bench/harness.py: a leg is recorded with what happened to it, and measured legs are not repeated."""

import importlib.util
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

from tree import ROOT

SPEC = importlib.util.spec_from_file_location("harness", pathlib.Path(ROOT, "bench", "harness.py"))
harness = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(harness)


def line(pair, leg, speed, foreign=0.0):
    return {"pair": pair, "leg": leg, "figures": {"speed": speed}, "run": {"foreign_share": foreign}}


class BenchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.original, harness.RESULTS = harness.RESULTS, pathlib.Path(folder.name)
        self.addCleanup(lambda: setattr(harness, "RESULTS", self.original))

    def bench(self):
        bench = harness.Bench("sample", patience=0)
        self.addCleanup(shutil.rmtree, bench.scratch)
        return bench

    def run_rounds(self, bench, same=None):
        def leg(name, value):
            command = [sys.executable, "-c", f"print('noise'); print('{{\"speed\": {value}}}')"]
            return lambda pair: bench.leg(name, command, pair=pair)
        bench.pairs(2, {"ours": leg("ours", 6), "peer": leg("peer", 2)}, same)

    def test_every_leg_leaves_a_line_and_rounds_alternate(self):
        bench = self.bench()
        self.run_rounds(bench)
        lines = bench.lines()
        self.assertEqual([("ours", 0), ("peer", 0), ("ours", 1), ("peer", 1)],
                         [(line["leg"], line["pair"]) for line in lines])
        self.assertEqual({"speed": 6}, lines[0]["figures"])
        self.assertGreater(lines[0]["run"]["peak_rss_mib"], 1)
        self.assertIn("cores", lines[0]["machine"])

    def test_measured_legs_are_not_repeated_but_another_version_is(self):
        self.run_rounds(self.bench())
        again = self.bench()
        self.run_rounds(again)
        self.assertEqual(4, len(again.lines()))
        changed = self.bench()
        changed.version = "another"
        self.run_rounds(changed)
        self.assertEqual(4, len(changed.lines()))
        self.assertEqual(8, len(changed.lines(any_version=True)))

    def test_a_failing_leg_stops_the_row_and_leaves_no_line(self):
        bench = self.bench()
        with self.assertRaisesRegex(harness.Failed, "exit code 3\nwhy"):
            bench.leg("ours", [sys.executable, "-c", "print('why'); raise SystemExit(3)"])
        self.assertEqual([], bench.lines())

    def test_no_leg_starts_when_the_time_is_over(self):
        bench = self.bench()
        bench.deadline = 0
        with self.assertRaises(harness.OutOfTime):
            self.run_rounds(bench)
        self.assertEqual([], bench.lines())

    def test_results_that_differ_stop_the_row(self):
        def same(done):
            raise harness.Failed(json.dumps(sorted(done)))
        with self.assertRaisesRegex(harness.Failed, "ours.*peer"):
            self.run_rounds(self.bench(), same)

    def test_ratios_leave_out_disturbed_and_unfinished_rounds(self):
        lines = [line(0, "ours", 6.0), line(0, "peer", 2.0),
                 line(1, "ours", 8.0), line(1, "peer", 2.0, foreign=0.5), line(2, "ours", 9.0)]
        self.assertEqual([3.0], harness.pair_ratios(lines, "ours", "peer", "speed"))
        self.assertEqual("3.00 (3.00 to 3.00, 1 pairs)", harness.median_text([3.0]))
        self.assertEqual("not measured", harness.median_text([]))


if __name__ == "__main__":
    unittest.main()
