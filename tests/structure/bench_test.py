"""bench/harness.py: a leg is recorded with what happened to it, measured legs are not repeated, and
results that differ are seen. bench/picture.py: points land where they belong."""

import importlib.util
import json
import pathlib
import shutil
import sys
import tempfile
import unittest
from xml.etree import ElementTree

from tree import ROOT

def load(name):
    spec = importlib.util.spec_from_file_location(name, pathlib.Path(ROOT, "bench", f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


harness, picture = load("harness"), load("picture")


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

    def test_sides_that_trained_differently_are_seen(self):
        def side(**figures):
            return {"leg": "one", "figures": {"loss": [2.0, 1.0], "grad_norm": [1.0, 1.0],
                                              "tokens": [7, 8], **figures}}
        harness.require_same_training(side(), side(loss=[2.0001, 1.0]), ("tokens",))
        for wrong, says in ((side(tokens=[7, 9]), "tokens"), (side(loss=[2.0, 1.001]), "step 2"),
                            (side(loss=[2.0, float("nan")]), "step 2")):
            with self.assertRaisesRegex(harness.Failed, says):
                harness.require_same_training(side(), wrong, ("tokens",))
        with self.assertRaisesRegex(harness.Failed, "zero"):
            harness.require_same_training(side(grad_norm=[1.0, 0.0]), side(), ())

    def test_tokens_of_a_step_are_what_was_added(self):
        steps = [{"num_tokens": 5, "loss": 1}, {"num_tokens": 12, "loss": 2}]
        self.assertEqual([5, 7], harness.tokens_of(steps))
        self.assertEqual({"loss": [1, 2]}, harness.columns(steps, "loss"))


class PictureTest(unittest.TestCase):
    def test_ticks_are_round_and_within(self):
        self.assertEqual([0, 5, 10, 15, 20], picture.ticks(-1, 22))
        self.assertEqual([0.56, 0.58, 0.6, 0.62], picture.ticks(0.55, 0.63, 4))

    def test_more_is_further_right_and_higher_up(self):
        def mark(x, y):
            return picture.Mark({"value": x, "low": x - 1, "high": x + 1},
                                {"value": y, "low": y, "high": y}, f"<{x}>")
        text = picture.scatter("t", "x", "y & z", [
            picture.Series("one", [mark(2, 0.5), mark(8, 0.9)], [(2, 0.5), (8, 0.9)]),
            picture.Series("absent", [], [])])
        root = ElementTree.fromstring(text)
        space = "{http://www.w3.org/2000/svg}"
        dots = [(float(dot.get("cx")), float(dot.get("cy")))
                for group in root.iter(f"{space}g") for dot in group.iter(f"{space}circle")]
        (left, low), (right, high) = dots
        self.assertLess(left, right)
        self.assertGreater(low, high)
        line, = root.iter(f"{space}polyline")
        self.assertEqual([f"{x},{y}" for x, y in dots], line.get("points").split())
        self.assertNotIn("absent", text)
        with self.assertRaises(ValueError):
            picture.scatter("t", "x", "y", [])


if __name__ == "__main__":
    unittest.main()
