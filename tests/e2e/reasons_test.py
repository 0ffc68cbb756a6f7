"""Every row that a trainer leaves out is counted in data_report.json under a reason of its own."""

import json
import sys
import unittest

import command_case

LONG = "say " * 60
TURN = [{"role": "assistant", "content": "yes"}]
NO_JSON = "{"

PAIRS = {  # rows that any method on pairs leaves out, by reason
    "unreadable": [NO_JSON],
    "not an example": [{"prompt": "say ", "chosen": "yes"}],
    "form of another method": [{"text": "yes"}],
    "pair with equal sides": [{"prompt": "say ", "chosen": "yes", "rejected": "yes"}],
    "empty completion": [{"prompt": "say ", "chosen": "", "rejected": "yes"}],
    "no chat template": [{"prompt": [{"role": "user", "content": "say"}], "chosen": TURN,
                          "rejected": [{"role": "assistant", "content": "no"}]}],
    "contradictory rows": [{"prompt": "ask ", "chosen": "yes", "rejected": "no"},
                           {"prompt": "ask ", "chosen": "no", "rejected": "yes"}],
}
RANKINGS = {
    "one-item ranking": [{"prompt": "say ", "completions": ["a", "no"], "ranks": [1, None]}],
    "rank out of range": [{"prompt": "say ", "completions": ["a", "no"], "ranks": [1, 3]}],
    "ranks with holes": [{"prompt": "say ", "completions": ["a", "no", "b"], "ranks": [1, 3, 3]}],
    "ranking without a difference": [{"prompt": "say ", "completions": ["a", "no"],
                                      "ranks": [1, 1]}],
}
CUT = {
    "prompt fills max_length": [{"prompt": LONG, "chosen": "yes", "rejected": "no"}],
    "equal sides as tokens": [{"prompt": "say ", "chosen": "yes" * 40 + "a",
                               "rejected": "yes" * 40 + "b"}],
}
GOOD_PAIRS = [{"prompt": f"{word} ", "chosen": "yes", "rejected": "no then"}
              for word in ("say", "the", "maybe", "that")]
THUMBS = [{"prompt": f"{word} ", "completion": "yes", "label": up}
          for word, up in (("say", True), ("the", False), ("maybe", True), ("that", False))]
PROMPTS = [{"prompt": f"{word} "} for word in ("say", "the", "maybe", "that")]
ANSWERS = [{"prompt": f"{word} ", "completion": "yes"} for word in ("say", "the", "maybe", "that")]
REWARD = """import json, sys
for line in sys.stdin:
    row = json.loads(line)
    print(json.dumps({"id": row["id"], "reward": len(row["completion"])}), flush=True)
"""


class ReasonsTest(command_case.CommandCase):
    def reasons(self, recipe, good, faults, *flags):
        """Trains on the good rows and the others between them; {reason: row numbers}."""
        rows, expected = list(good), {}
        for reason, own in faults.items():
            expected[reason] = list(range(len(rows) + 1, len(rows) + len(own) + 1))
            rows += own
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        data = self.write("rows.jsonl", "".join(line + "\n" for line in lines))
        run = self.path(recipe)
        self.done("train", recipe, "--model_name_or_path", command_case.TINY, "--dataset_name",
                  data, "--output_dir", run, "--threads", 1, "--max_steps", 1, "--save_strategy",
                  "no", "--allow_skipped_rows", "true", *flags)
        report = json.loads((run / "data_report.json").read_text())["train"]
        found = {entry["reason"]: entry["rows"][str(data)] for entry in report["dropped"]}
        self.assertEqual(found, expected, recipe)
        for entry in report["dropped"]:
            self.assertEqual(entry["count"], len(expected[entry["reason"]]))
            self.assertTrue(entry["first"], entry)
        self.assertEqual(report["rows"]["kept"], len(good))
        self.assertEqual(report["rows"]["read"], len(rows))

    def test_pairs_and_rankings(self):
        self.reasons("dpo", GOOD_PAIRS, PAIRS | RANKINGS | CUT, "--max_length", 100)
        soft = {"soft label": [{"prompt": "say ", "chosen": "a", "rejected": "no",
                                "chosen_probability": 0.7}]}
        for recipe in ("orpo", "simpo"):
            self.reasons(recipe, GOOD_PAIRS, PAIRS | RANKINGS | CUT | soft, "--max_length", 100)
        self.reasons("reward", GOOD_PAIRS,
                     PAIRS | RANKINGS | {"longer than max_length": CUT["prompt fills max_length"]},
                     "--max_length", 100)

    def test_chains(self):
        cut = {"prompt fills max_length": CUT["prompt fills max_length"]}
        self.reasons("hindsight", GOOD_PAIRS, PAIRS | RANKINGS | cut, "--max_length", 100)

    def test_pairs_across_prompts(self):
        across = {"contradictory rows": [
            {"chosen_prompt": "ask ", "chosen": "yes", "rejected_prompt": "the ", "rejected": "no"},
            {"chosen_prompt": "the ", "chosen": "no", "rejected_prompt": "ask ", "rejected": "yes"}],
            "pair with equal sides": [{"chosen_prompt": "ask ", "chosen": "yes",
                                       "rejected_prompt": "ask ", "rejected": "yes"}]}
        good = [{"chosen_prompt": "a ", "chosen": "yes", "rejected_prompt": "the ",
                 "rejected": "yes"}]
        self.reasons("dove", GOOD_PAIRS + good, PAIRS | across)

    def test_thumbs(self):
        faults = {"form of another method": [PROMPTS[0]],
                  "empty completion": [{"prompt": "say ", "completion": "", "label": True}],
                  "prompt fills max_length": [{"prompt": LONG, "completion": "a", "label": True}],
                  "contradictory rows": [{"prompt": "ask ", "completion": "no", "label": True},
                                         {"prompt": "ask ", "completion": "no", "label": False}]}
        for recipe in ("kto", "bco"):
            self.reasons(recipe, THUMBS, faults, "--max_length", 100)

    def test_prompts(self):
        reward = f"{sys.executable} {self.write('reward.py', REWARD)}"
        faults = {"form of another method": [{"text": "yes"}],
                  "empty prompt": [{"prompt": ""}],
                  "no prompt": [{"chosen": "yes", "rejected": "no"}],
                  "longer than max_prompt_length": [{"prompt": "say " * 20}]}
        for recipe, length in (("ppo", "--response_length"), ("rloo", "--max_completion_length"),
                               ("online_dpo", "--max_new_tokens")):
            self.reasons(recipe, PROMPTS, faults, length, 4, "--max_prompt_length", 40,
                         "--reward_command", reward, "--per_device_train_batch_size", 4)
        context = {"prompt fills the context": [{"prompt": "say " * 31}]}
        self.reasons("ppo", PROMPTS, context, "--response_length", 10, "--reward_command", reward,
                     "--overwrite_output_dir", "true", "--per_device_train_batch_size", 4)

    def test_answers(self):
        faults = {"form of another method": [PROMPTS[0]],
                  "prompt fills max_length": [{"prompt": LONG, "completion": "a"}],
                  "not an example": [{"prompt": "say ", "completion": TURN}],
                  "no chat template": [{"messages": [{"role": "user", "content": "a"}, *TURN]}]}
        self.reasons("sft", ANSWERS, faults, "--max_length", 100)
        self.reasons("spin", ANSWERS, faults, "--max_length", 100, "--max_new_tokens", 4,
                     "--iterates", 1)


if __name__ == "__main__":
    unittest.main()
