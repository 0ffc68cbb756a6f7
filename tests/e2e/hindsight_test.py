"""train hindsight and generate --hindsight: chains from pairs and rankings, and the marker that the model is asked with."""

import json
import unittest

import command_case

MODEL = ("--model_name_or_path", command_case.TINY)
WORDS = ["hey", "they", "a year", "the day", "yes", "no", "the way", "my oh my"]


class HindsightTest(command_case.CommandCase):
    def setUp(self):
        super().setUp()
        self.pairs = self.write_rows(
            "pairs.jsonl", [{"prompt": f"say {word}:", "chosen": f" {word}", "rejected": " what?"} for word in WORDS])
        self.rankings = self.write_rows(
            "rankings.jsonl", [{"prompt": f"say {word}:", "completions": [" what?", f" {word}", " no", " hm"],
                                "ranks": [3, 1, 2, None]} for word in WORDS[:4]])

    def train(self, name, *more):
        return self.done("train", "hindsight", *MODEL, "--output_dir", self.path(name),
                         "--per_device_train_batch_size", 4, "--learning_rate", "3e-3",
                         "--save_strategy", "no", *more)

    def events(self, name, kind="step"):
        lines = command_case.lines_of((self.path(name) / "events.jsonl").read_text())
        return [line for line in lines if line["event"] == kind]

    def test_pairs_and_rankings_train_together_and_the_model_keeps_its_markers(self):
        self.train("run", "--dataset_name", f"{self.pairs}", f"{self.rankings}", "--num_train_epochs", 4,
                   "--hindsight_templates", "webgpt", "--hindsight_phrase", "first", "--eval_dataset_name", self.pairs,
                   "--eval_strategy", "epoch", "--sample_prompts", "say yes:", "--sample_max_new_tokens", 4,
                   "--max_length", 128)
        report = json.loads((self.path("run") / "data_report.json").read_text())
        self.assertEqual(report["train"]["rows"]["read"], 12)
        self.assertEqual(report["train"]["rows"]["used"], 48)  # four chains of each
        steps = self.events("run")
        self.assertEqual(len(steps), 48)
        self.assertLess(sum(s["loss"] for s in steps[-8:]), 0.8 * sum(s["loss"] for s in steps[:8]))
        self.assertIn("mean_token_accuracy", steps[0])
        evaluations = self.events("run", "eval")
        self.assertEqual(len(evaluations), 4)
        self.assertLess(evaluations[-1]["eval_loss"], evaluations[0]["eval_loss"])
        self.assertEqual(self.events("run", "sample")[0]["prompt"], "User: say yes: A helpful answer:")
        marked = self.generate("run", "--hindsight")
        self.assertEqual(marked, self.generate("run", prompt="User: say yes: A helpful answer:"))

    def generate(self, name, *more, prompt="say yes:"):
        out = self.done("generate", "--model_name_or_path", self.path(name) / "final", "--prompt", prompt,
                        "--max_new_tokens", 6, "--temperature", 0, *more).stdout
        return json.loads(out)["completions"][0]["text"]

    def test_lora_packing_masking_and_pretraining(self):
        text = self.write_rows("text.jsonl", [{"text": f"the {word} then {word}"} for word in WORDS])
        self.train("run", "--dataset_name", self.pairs, "--max_steps", 6, "--use_peft", "true", "--lora_r", 4,
                   "--packing", "true", "--max_length", 120, "--fcm_max_ratio", 0.05, "--pretrain_dataset_name", text,
                   "--pretrain_rows_per_step", 2, "--hindsight_forms", "np,shuffled")
        steps = self.events("run")
        self.assertEqual(len(steps), 6)
        for step in steps:
            self.assertAlmostEqual(step["loss"], step["hindsight_loss"] + 1.5 * step["pretrain_loss"], places=4)
        report = json.loads((self.path("run") / "data_report.json").read_text())
        self.assertEqual(report["pretraining"]["rows"]["read"], len(WORDS))
        lineage = json.loads((self.path("run") / "lineage.json").read_text())
        self.assertEqual(len(lineage["further_files"]["pretrain_dataset_name"]), 1)
        self.assertTrue((self.path("run") / "final/hindsight.json").is_file())


if __name__ == "__main__":
    unittest.main()
