"""attune evaluate on a tiny model: each measure against what can be computed by hand from `score`
and `generate`, what it writes, and what is refused."""

import json
import math
import os
import shutil
import sys
import unittest

import command_case

TINY = command_case.TINY
MODEL = ("--model_name_or_path", TINY)
ROWS = [{"prompt": "the ", "completion": "year"}, {"prompt": "they ", "completion": "are a"},
        {"prompt": "a ", "completion": "yes"}]
PAIRS = [{"prompt": "the ", "chosen": "year", "rejected": "they are"},
         {"prompt": "a ", "chosen": "they are yes", "rejected": "the"},
         {"prompt": "they ", "completions": ["a", "the year", "yes"], "ranks": [2, 1, 2]}]
PROMPTS = [{"prompt": "the "}, {"prompt": "a "}, {"prompt": "they are "}, {"prompt": "yes "}]

# A judge that prefers the longer answer, and answers in the reverse order of the questions.
LONGER = """
import json, sys
lines = []
for line in sys.stdin:
    q = json.loads(line)
    a, b = len(q["first"]), len(q["second"])
    side = "first" if a > b else "second" if b > a else "tie"
    lines.append(json.dumps({"id": q["id"], "preferred": side}))
    if len(lines) == 8:
        print("\\n".join(reversed(lines)), flush=True)
        lines = []
"""
# Rewards the length of an answer.
LENGTH_REWARD = """
import json, sys
for line in sys.stdin:
    q = json.loads(line)
    print(json.dumps({"id": q["id"], "reward": len(q["completion"])}), flush=True)
"""
MINUS_LENGTH_REWARD = LENGTH_REWARD.replace("len(q", "-len(q")


class EvaluateCase(command_case.CommandCase):
    def program(self, name, text):
        path = self.path(name)
        path.write_text(text)
        return f"{sys.executable} {path}"

    def evaluate(self, measure, rows, *words):
        data = self.write_rows(f"{measure}.jsonl", rows)
        out = self.done("evaluate", measure, *MODEL, "--data", data, "--json", *words).stdout
        result = json.loads(out)
        return result, {figure["name"]: figure for figure in result["figures"]}

    def scores(self, rows):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        return command_case.lines_of(self.done("score", *MODEL, text=text).stdout)

    def other_model(self):
        """The same model with another final norm: another distribution."""
        folder = self.path("other")
        shutil.copytree(TINY, folder)
        config = json.loads((folder / "config.json").read_text())
        config["rms_norm_eps"] = 0.5
        (folder / "config.json").write_text(json.dumps(config))
        return folder


class ScoresTest(EvaluateCase):
    def test_perplexity_is_that_of_the_scores(self):
        lines = self.scores(ROWS)
        loss = -math.fsum(line["sum_logprob"] for line in lines) / sum(l["tokens"] for l in lines)
        _, figures = self.evaluate("perplexity", ROWS)
        self.assertAlmostEqual(figures["loss"]["value"], loss, 5)
        self.assertAlmostEqual(figures["perplexity"]["value"], math.exp(loss), 3)
        self.assertLessEqual(figures["perplexity"]["low"], figures["perplexity"]["value"])
        self.assertEqual(figures["loss"]["count"], sum(line["tokens"] for line in lines))

    def test_accuracy_counts_the_pairs_of_preferences_and_rankings(self):
        lines = self.scores(PAIRS)
        value = [line["sum_logprob"] for line in lines]
        # The ranking: item 1 over 0 and over 2; 0 and 2 tie.
        better = [(0, 1), (2, 3), (5, 4), (5, 6)]
        expected = sum(value[a] > value[b] for a, b in better) / len(better)
        _, figures = self.evaluate("accuracy", PAIRS)
        self.assertAlmostEqual(figures["accuracy"]["value"], expected, 6)
        self.assertEqual(figures["accuracy"]["count"], 4)
        longer = sum(lines[a]["tokens"] > lines[b]["tokens"] for a, b in better)
        self.assertEqual(figures.get("longer_chosen", {"count": 0})["count"], longer)
        margin = math.fsum(0.1 * (value[a] - value[b]) for a, b in better) / 4
        self.assertAlmostEqual(figures["margin"]["value"], margin, 5)

    def test_the_implicit_reward_of_a_model_beside_itself_prefers_nothing(self):
        _, figures = self.evaluate("accuracy", PAIRS, "--ref_model_name_or_path", TINY)
        self.assertEqual(figures["accuracy"]["value"], 0.5)
        self.assertEqual(figures["margin"]["value"], 0)


class AnswersTest(EvaluateCase):
    def test_a_model_against_itself_ties_and_has_no_kl(self):
        words = ("--other_model_name_or_path", TINY, "--max_new_tokens", 8)
        judge = self.program("judge.py", LONGER)
        result, figures = self.evaluate("win_rate", PROMPTS, *words, "--judge_command", judge)
        self.assertEqual(figures["win_rate"]["value"], 0.5)
        self.assertEqual(figures["consistent"]["value"], 1)
        self.assertIn("0 won, 4 tied, 0 lost", result["text"])
        _, figures = self.evaluate("kl", PROMPTS, *words, "--temperature", 1)
        self.assertEqual(figures["kl"]["value"], 0)

    def test_kl_to_another_model_is_positive(self):
        _, figures = self.evaluate(
            "kl", PROMPTS, "--other_model_name_or_path", self.other_model(), "--max_new_tokens", 16,
            "--temperature", 1, "--num_return_sequences", 16, "--seed", 3)
        self.assertGreater(figures["kl"]["value"], 0)
        self.assertGreater(figures["kl"]["value"], figures["kl_per_token"]["value"])

    def test_the_judge_that_wants_length_gets_it(self):
        words = ("--other_model_name_or_path", self.other_model(), "--max_new_tokens", 12)
        text = "".join(json.dumps(row) + "\n" for row in PROMPTS)
        lengths = []
        for model in (TINY, self.path("other")):
            lines = self.done("generate", "--model_name_or_path", model, "--max_new_tokens", 12,
                              text=text).stdout
            lengths.append([len(row["completions"][0]["text"])
                            for row in command_case.lines_of(lines)])
        wins = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in zip(*lengths)]
        _, figures = self.evaluate("win_rate", PROMPTS, *words, "--judge_command",
                                   self.program("judge.py", LONGER))
        self.assertAlmostEqual(figures["win_rate"]["value"], sum(wins) / len(wins))
        _, figures = self.evaluate("win_rate", PROMPTS, *words, "--reward_command",
                                   self.program("reward.py", LENGTH_REWARD))
        self.assertAlmostEqual(figures["win_rate"]["value"], sum(wins) / len(wins))

    def test_the_rubric_judges_what_was_sampled_in_pairs(self):
        model = self.path("chat")
        shutil.copytree(TINY, model)
        (model / "chat_template.jinja").write_text(command_case.CHAT_TEMPLATE)
        shutil.copytree(model, self.path("other_chat"))
        data = self.write_rows("chat.jsonl", PROMPTS)
        words = ("evaluate", "win_rate", "--model_name_or_path", model, "--other_model_name_or_path",
                 self.path("other_chat"), "--data", data, "--json", "--rubric", "true", "--chat",
                 "true", "--rubric_set", 2, "--max_new_tokens", 12)
        result = json.loads(self.done(*words, "--temperature", 0.7, "--seed", 4).stdout)
        figures = {figure["name"]: figure for figure in result["figures"]}
        # The same weights and seeds write the same answers.
        self.assertEqual(figures["points"]["value"], figures["other_points"]["value"])
        self.assertEqual(figures["points_difference"]["value"], 0)
        self.assertEqual(figures["points_difference"]["count"], len(PROMPTS))
        self.wrong_use(*words, "--rubric_set", 0, says=["rubric_set"])

    def test_best_of_n_rises_under_its_proxy_and_falls_under_its_opposite(self):
        result, figures = self.evaluate(
            "best_of_n", PROMPTS, "--best_of", 6, "--max_new_tokens", 12, "--seed", 5,
            "--reward_command", self.program("proxy.py", LENGTH_REWARD),
            "--gold_reward_command", self.program("gold.py", MINUS_LENGTH_REWARD))
        proxy, gold = ([point["y"] for point in curve["points"]] for curve in result["curves"])
        self.assertEqual(len(proxy), 6)
        self.assertEqual(proxy, sorted(proxy))
        self.assertGreater(proxy[-1], proxy[0])
        for a, b in zip(proxy, gold):
            self.assertAlmostEqual(a, -b, 9)
        self.assertEqual(figures["gold_peak"]["value"], 1)
        roots = [point["x"] for point in result["curves"][0]["points"]]
        self.assertAlmostEqual(roots[3] ** 2, math.log(4) - 0.75, 9)

    def test_rouge_of_a_model_with_its_own_answers_is_one(self):
        text = "".join(json.dumps(row) + "\n" for row in PROMPTS)
        answers = command_case.lines_of(
            self.done("generate", *MODEL, "--max_new_tokens", 12, text=text).stdout)
        rows = [{**row, "completion": answer["completions"][0]["text"]}
                for row, answer in zip(PROMPTS, answers)
                if any(c.isalnum() for c in answer["completions"][0]["text"])]
        self.assertGreater(len(rows), 1)
        _, figures = self.evaluate("rouge_l", rows, "--max_new_tokens", 12)
        self.assertEqual(figures["rouge_l"]["value"], 1)


class OutputTest(EvaluateCase):
    def test_evaluations_gather_in_one_report(self):
        folder = self.path("out")
        self.evaluate("perplexity", ROWS, "--output_dir", folder)
        self.evaluate("accuracy", PAIRS, "--output_dir", folder, "--name", "held <out>")
        self.assertEqual(sorted(os.listdir(folder / "evaluations")),
                         ["held <out>.json", "perplexity.json"])
        page = (folder / "report.html").read_text()
        self.assertIn("Perplexity", page)
        self.assertIn("Preference accuracy", page)

    def test_every_measure_has_a_picture(self):
        answers = ("--max_new_tokens", 4)
        other = ("--other_model_name_or_path", TINY)
        reward = ("--reward_command", self.program("reward.py", LENGTH_REWARD))
        measures = {"perplexity": (ROWS, ()), "accuracy": (PAIRS, ()), "rouge_l": (ROWS, answers),
                    "win_rate": (PROMPTS, (*answers, *other, *reward)),
                    "kl": (PROMPTS, (*answers, *other, "--temperature", 1)),
                    "best_of_n": (PROMPTS, (*answers, *reward, "--best_of", 2))}
        for measure, (rows, words) in measures.items():
            folder = self.path(f"out_{measure}")
            self.evaluate(measure, rows, "--output_dir", folder, *words)
            self.assertEqual((folder / "report.html").read_text().count("<svg"), 1, measure)

    def test_a_judge_that_prints_blank_lines_is_not_waited_for(self):
        data = self.write_rows("rows.jsonl", PROMPTS)
        self.failed("evaluate", "win_rate", *MODEL, "--data", data, "--max_new_tokens", 4,
                    "--other_model_name_or_path", TINY, "--reward_timeout_ms", 300,
                    "--judge_command", "while echo; do :; done",
                    says=["said nothing for 300 ms"])

    def test_what_is_refused_says_what_to_do(self):
        data = self.write_rows("rows.jsonl", ROWS)
        rest = ("--data", data)
        self.wrong_use("evaluate", says=["perplexity", "win_rate"])
        self.wrong_use("evaluate", "perplxity", *MODEL, *rest, says=["did you mean perplexity"])
        self.wrong_use("evaluate", "win_rate", *MODEL, *rest,
                       says=["--other_model_name_or_path"])
        self.failed("evaluate", "accuracy", *MODEL, *rest, says=["rows.jsonl:1", "no preference"])
        self.wrong_use("evaluate", "perplexity", *MODEL, *rest, "--name", "../x", "--output_dir",
                       self.path("out"), says=["../x"])
        bad = self.program("bad.py", "import sys\nprint('hello', flush=True)\nsys.stdin.read()\n")
        self.failed("evaluate", "win_rate", *MODEL, *rest, "--other_model_name_or_path", TINY,
                    "--max_new_tokens", 4, "--judge_command", bad, says=["bad.py", "hello"])


if __name__ == "__main__":
    unittest.main()
