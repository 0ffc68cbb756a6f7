"""Reward models: trained from the example's YAML, in full and as LoRA, opened, merged, scored."""

import json
import shutil
import unittest

import command_case
import programs

EXAMPLE = programs.ROOT / "examples" / "reward.yaml"
WORDS = ["yes", "no", "the", "then", "maybe", "a", "that", "than"]


def ranking(index):
    """Longer answers are better, and two annotators say so."""
    answers = [" ".join([WORDS[(index + k) % 8]] * (k + 1)) for k in range(3)]
    return {"prompt": f"say {WORDS[index % 8]}: ", "completions": answers, "ranks": [3, 2, 1],
            "annotator": f"person {index % 2}"}


class RewardTest(command_case.CommandCase):
    def setUp(self):
        super().setUp()
        self.model = self.path("model")
        shutil.copytree(command_case.TINY, self.model)
        config = json.loads((self.model / "config.json").read_text())
        config["max_position_embeddings"] = 8192  # rotary: nothing else depends on it
        (self.model / "config.json").write_text(json.dumps(config))
        (self.model / "chat_template.jinja").write_text(command_case.CHAT_TEMPLATE)
        self.rows = self.write_rows("rows.jsonl", [ranking(index) for index in range(16)])

    def train(self, name, *more):
        self.done("train", "reward", "--model_name_or_path", self.model, "--dataset_name",
                  self.rows, "--output_dir", self.path(name), "--threads", 1,
                  "--per_device_train_batch_size", 4, "--learning_rate", "3e-3", "--max_steps", 20,
                  "--save_strategy", "no", *more)
        return self.path(name)

    def events(self, run, kind):
        lines = command_case.lines_of((run / "events.jsonl").read_text())
        return [line for line in lines if line["event"] == kind]

    def rewards(self, *model):
        result = self.done("score", "--model_name_or_path", *model, "--data", self.rows,
                           "--threads", 1)
        return command_case.lines_of(result.stdout)

    def test_the_example_runs_as_it_stands(self):
        result = programs.attune("train", "reward", "--config", EXAMPLE, "--model_name_or_path",
                                 self.model, "--max_length", "none", "--output_dir",
                                 self.path("run"), "--num_train_epochs", 1, cwd=programs.ROOT)
        self.assertEqual(result.returncode, 0, result.stderr)
        evaluation = self.events(self.path("run"), "eval")[-1]
        for name in ("eval_loss", "eval_accuracy", "eval_margin", "eval_min_reward",
                     "eval_mean_reward", "eval_max_reward", "eval_ece"):
            self.assertIn(name, evaluation)
        adapter = json.loads((self.path("run") / "final/adapter_config.json").read_text())
        self.assertEqual(adapter["task_type"], "SEQ_CLS")
        self.assertEqual(adapter["modules_to_save"], ["score"])
        self.assertTrue((self.path("run") / "report.html").is_file())

    def test_a_full_model_learns_the_order_and_is_normalised(self):
        run = self.train("run", "--eval_dataset_name", self.rows, "--eval_strategy", "epoch",
                         "--normalise_rewards", "mean_std", "--normalise_on", "all")
        steps = self.events(run, "step")
        for name in ("accuracy", "margin", "min_reward", "mean_reward", "max_reward"):
            self.assertIn(name, steps[-1])
        evaluation = json.loads((run / "reward_evaluation.json").read_text())
        self.assertEqual(evaluation["preferences"]["pairs"], 16 * 3)
        self.assertGreater(evaluation["preferences"]["accuracy"], 0.75)
        self.assertEqual(sorted(evaluation["preferences"]["by_annotator"]), ["person 0", "person 1"])
        scores = self.rewards(run / "final")
        self.assertEqual(len(scores), 16 * 3)
        self.assertEqual(set(scores[0]), {"id", "index", "tokens", "reward"})
        values = [line["reward"] for line in scores]
        self.assertAlmostEqual(sum(values) / len(values), 0, places=4)
        self.assertAlmostEqual(sum(v * v for v in values) / len(values), 1, places=4)
        right = sum(values[first + a] < values[first + b] for first in range(0, len(values), 3)
                    for a, b in ((0, 1), (0, 2), (1, 2)))
        self.assertAlmostEqual(right / 48, evaluation["preferences"]["accuracy"], places=6)
        info = json.loads(self.done("model", "info", run / "final", "--json").stdout)
        self.assertEqual(info["architecture"], "LlamaForSequenceClassification")
        self.assertEqual(info["labels"], 1)
        self.assertEqual(info["reward_normaliser"]["samples"], 48)
        self.failed("generate", "--model_name_or_path", run / "final", "--prompt", "yes",
                    says=["reward model"])

    def test_an_adapter_scores_as_its_merged_model(self):
        run = self.train("run", "--use_peft", "true", "--lora_r", 4, "--lora_modules_to_save",
                         "score")
        scores = self.rewards(run / "final")
        over_base = self.rewards(self.model, "--adapter", run / "final")
        # Rows that arrive together are computed together, which moves the last bits of fp32.
        for one, other in zip(scores, over_base, strict=True):
            self.assertAlmostEqual(one["reward"], other["reward"], places=5)
        self.done("model", "merge", "--model_name_or_path", self.model, "--adapter", run / "final",
                  "--output", self.path("merged"))
        merged = self.rewards(self.path("merged"))
        for one, other in zip(scores, merged, strict=True):
            self.assertAlmostEqual(one["reward"], other["reward"], places=4)
        # The best answers of the training rows are at zero in the mean.
        best = [line["reward"] for line in scores if line["index"] == 2]
        self.assertAlmostEqual(sum(best) / len(best), 0, places=4)

    def test_rankings_cut_into_pairs_have_the_same_reference_samples(self):
        # Of each ranking the best answer, not whatever is better than another.
        run = self.train("run", "--loss_type", "pairwise")
        self.assertEqual(self.events(run, "start")[0]["rows"], 16 * 3)
        info = json.loads(self.done("model", "info", run / "final", "--json").stdout)
        self.assertEqual(info["reward_normaliser"]["samples"], 16)
        best = [line["reward"] for line in self.rewards(run / "final") if line["index"] == 2]
        self.assertAlmostEqual(sum(best) / len(best), 0, places=4)

    def test_a_reward_model_is_trained_further(self):
        first = self.train("first", "--max_steps", 5)
        further = self.train("further", "--model_name_or_path", first / "final")
        losses = [event["loss"] for event in self.events(further, "step")]
        # It goes on with the score head it has: the first loss is below that of a new head.
        self.assertLess(losses[0], self.events(first, "step")[0]["loss"])

    def test_annotators_are_left_out_in_turn(self):
        run = self.train("run", "--annotator_folds", 2, "--max_steps", 4)
        folds = json.loads((run / "folds.json").read_text())
        self.assertEqual([fold["annotators"] for fold in folds["folds"]],
                         [["person 0"], ["person 1"]])
        self.assertEqual(folds["pairs"], 16 * 3)
        for index, fold in enumerate(folds["folds"]):
            own = json.loads((run / f"folds/{index + 1}/reward_evaluation.json").read_text())
            self.assertEqual(list(own["preferences"]["by_annotator"]), fold["annotators"])
            self.assertEqual(fold["accuracy"], own["preferences"]["accuracy"])
        self.assertTrue((run / "final/model.safetensors").is_file())
        self.failed("train", "reward", "--model_name_or_path", self.model, "--dataset_name",
                    self.rows, "--output_dir", self.path("other"), "--annotator_folds", 3,
                    "--max_steps", 1, says=["annotator_folds", "3 folds", "name 2"])

    def test_skipped_rows_are_counted_by_name(self):
        rows = [ranking(index) for index in range(4)]
        rows += [{"prompt": "say ", "completions": ["a"], "ranks": [1]},
                 {"prompt": "say ", "completions": ["a", "b", "no"], "ranks": [1, 2, 4]},
                 {"prompt": "say ", "chosen": "a", "rejected": "a"},
                 {"prompt": "say ", "chosen": "a" * 60, "rejected": "b"}]
        self.rows = self.write_rows("rows.jsonl", rows)
        run = self.train("run", "--allow_skipped_rows", "true", "--max_length", 40)
        report = json.loads((run / "data_report.json").read_text())["train"]
        self.assertEqual(report["rows"]["dropped"], 4)
        reasons = {entry["reason"]: list(entry["rows"].values()) for entry in report["dropped"]}
        self.assertEqual(reasons, {"one-item ranking": [[5]], "rank out of range": [[6]],
                                   "pair with equal sides": [[7]],
                                   "longer than max_length": [[8]]})


if __name__ == "__main__":
    unittest.main()
