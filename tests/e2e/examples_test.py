"""The YAML files of examples/ run as they are, on data of this project, with a small model in place of
the user's: two steps of each."""

import json
import pathlib
import tempfile
import unittest

import programs

TINY = programs.ROOT / "tests/golden/train/tiny"
TEMPLATE = ("{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}</s>{% endfor %}"
            "{% if add_generation_prompt %}<|assistant|>{% endif %}")
# Metrics that each trainer's steps must have, by the file's name.
METRICS = {
    "dpo": {"rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins",
            "logps/chosen", "logps/rejected", "entropy", "mean_token_accuracy", "pairs"},
    "hindsight": {"hindsight_loss", "pretrain_loss", "entropy", "mean_token_accuracy"},
    "orpo": {"rewards/accuracies", "rewards/margins", "nll_loss", "log_odds_ratio", "pairs"},
    "cpo": {"rewards/accuracies", "rewards/margins", "nll_loss", "pairs"},
    "simpo": {"rewards/accuracies", "rewards/margins", "logps/chosen", "pairs"},
    "kto": {"kl", "rewards/chosen", "logps/chosen", "logits/chosen", "entropy",
            "completions"},
    "bco": {"delta", "rewards/chosen", "logps/chosen", "completions"},
    "dove": {"rewards/accuracies", "rewards/margins", "logps/chosen", "pairs"},
}


def long_model(folder):
    """The small model with room for whole mails; its positions are rotary."""
    model = folder / "model"
    model.mkdir()
    for path in TINY.iterdir():
        (model / path.name).write_bytes(path.read_bytes())
    config = json.loads((model / "config.json").read_text())
    config["max_position_embeddings"] = 8192
    (model / "config.json").write_text(json.dumps(config))
    (model / "chat_template.jinja").write_text(TEMPLATE)
    return model


class ExamplesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_every_example_runs(self):
        model = long_model(self.folder)
        for name, metrics in METRICS.items():
            with self.subTest(example=name):
                run = self.folder / name
                result = programs.attune(
                    "train", name, "--config", f"examples/{name}.yaml", "--model_name_or_path",
                    model, "--output_dir", run, "--max_steps", "2", "--threads", "1",
                    cwd=programs.ROOT)
                self.assertEqual(result.returncode, 0, result.stderr)
                lines = map(json.loads, (run / "events.jsonl").read_text().splitlines())
                steps = [event for event in lines if event["event"] == "step"]
                self.assertEqual(len(steps), 2)
                self.assertLessEqual(metrics, set(steps[1]))
                report = json.loads((run / "data_report.json").read_text())
                self.assertEqual(report["train"]["rows"]["dropped"], 0, report)
                for file in ("config.yaml", "lineage.json", "report.html"):
                    self.assertTrue((run / file).is_file(), file)
                self.assertTrue((run / "final").is_dir())


if __name__ == "__main__":
    unittest.main()
