"""bench/gpu.sh measures by bench/legs/gpu_runs.py: here that program runs on the CPU, on a tiny model,
so that a machine with a GPU does not find it broken."""

import os
import subprocess
import sys
import unittest

import command_case
import programs


class GpuBenchTest(command_case.CommandCase):
    def test_every_method_leaves_a_raw_line(self):
        results = self.path("gpu.jsonl")
        done = subprocess.run(
            [sys.executable, programs.ROOT / "bench/legs/gpu_runs.py",
             programs.BIN / "attune-engine", "--device", "cpu", "--shape", "tiny", "--steps", "3",
             "--results", results], capture_output=True, text=True, timeout=240, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = command_case.lines_of(results.read_text())
        runs = [(line["method"], line["precision"]) for line in lines]
        self.assertEqual(runs, [(method, precision) for method in ("sft", "dpo", "ppo")
                                for precision in ("fp32", "tf32", "lora_bf16")])
        for line in lines:
            self.assertEqual(line["steps"], 2)
            self.assertGreater(line["tokens_per_second"], 0)
            self.assertEqual(line["device"], "cpu")
            self.assertEqual(line["parameters"], 28192)
        self.assertIn("ppo in lora_bf16: ", done.stdout)

    def test_a_gpu_that_is_not_there_is_said(self):
        done = subprocess.run(["bash", programs.ROOT / "bench/gpu.sh", sys.executable],
                              capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("gpu: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
