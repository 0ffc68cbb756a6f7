"""generate --best_of: what a judge keeps of several answers, and judges that fail."""

import json
import sys
import unittest

import command_case

MODEL = ("--model_name_or_path", command_case.TINY)
# Rewards an answer by its letters "e"; sees prompts and completions as texts or as messages.
JUDGE = """
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    text = row["completion"]
    if isinstance(text, list):
        assert row["prompt"][-1]["role"] == "user", row
        text = text[-1]["content"]
    print(json.dumps({"id": row["id"], "reward": float(text.count("e"))}), flush=True)
"""


class BestOfTest(command_case.CommandCase):
    def setUp(self):
        super().setUp()
        self.judge = f"'{sys.executable}' '{self.write('judge.py', JUDGE)}'"

    def words(self, *more):
        return ("generate", *MODEL, "--max_new_tokens", 12, "--seed", 3, *more)

    def rows(self, *prompts):
        return "".join(json.dumps({"id": p, "prompt": p}) + "\n" for p in prompts)

    def sampled(self, prompts, count):
        out = self.done(*self.words("--num_return_sequences", count, "--do_sample"),
                        text=self.rows(*prompts)).stdout
        return [row["completions"] for row in command_case.lines_of(out)]

    def test_the_best_of_the_same_samples_stays(self):
        prompts = ["they ", "my ", "I "]
        result = self.done(*self.words("--best_of", 6, "--reward_command", self.judge),
                           text=self.rows(*prompts))
        kept = command_case.lines_of(result.stdout)
        self.assertEqual([row["id"] for row in kept], prompts)
        for row, samples in zip(kept, self.sampled(prompts, 6)):
            rewards = [sample["text"].count("e") for sample in samples]
            self.assertGreater(len(set(rewards)), 1, "a judge that has nothing to choose")
            (answer,) = row["completions"]
            self.assertEqual(answer["reward"], max(rewards))
            best = samples[rewards.index(max(rewards))]
            self.assertEqual((answer["text"], answer["tokens"]), (best["text"], best["tokens"]))
        self.assertIn("kept 3 of 18 answers to 3 prompts", result.stderr)

    def test_a_threshold_keeps_what_reaches_it(self):
        prompts = ["they ", "my ", "I "]
        samples = self.sampled(prompts, 6)
        rewards = [[s["text"].count("e") for s in of_prompt] for of_prompt in samples]
        least = max(max(r) for r in rewards)  # some prompts keep nothing
        result = self.done(*self.words("--best_of", 6, "--reward_command", self.judge,
                                       "--reward_threshold", least), text=self.rows(*prompts))
        kept = command_case.lines_of(result.stdout)
        self.assertEqual([len(row["completions"]) for row in kept],
                         [sum(reward >= least for reward in r) for r in rewards])
        nothing = sum(not row["completions"] for row in kept)
        if nothing:
            self.assertIn(f"{nothing} of 3 prompts have no answer", result.stderr)

    def test_examples_are_rows_to_train_on(self):
        template = self.write("chat.jinja", command_case.CHAT_TEMPLATE)
        rows = json.dumps({"id": 1, "messages": [{"role": "user", "content": "the year"}]}) + "\n"
        rows += json.dumps({"id": 2, "prompt": "my "}) + "\n"
        out = self.done(*self.words("--best_of", 3, "--reward_command", self.judge, "--examples",
                                    "--reward_threshold", 0, "--chat_template_path", template),
                        text=rows).stdout
        chat, plain = [], []
        for row in command_case.lines_of(out):
            (chat if row["id"] == 1 else plain).append(row)
        self.assertEqual((len(chat), len(plain)), (3, 3))
        self.assertEqual(chat[0]["prompt"], [{"role": "user", "content": "the year"}])
        self.assertEqual(chat[0]["completion"][0]["role"], "assistant")
        self.assertEqual(plain[0]["prompt"], "my ")
        self.assertIsInstance(plain[0]["completion"], str)
        rewards = [row["reward"] for row in plain]
        self.assertEqual(rewards, sorted(rewards, reverse=True))

    def test_a_reward_model_judges_as_score_does(self):
        pairs = self.write_rows("pairs.jsonl", [
            {"prompt": f"say {word}: ", "chosen": word, "rejected": word[::-1]}
            for word in ("they", "year", "the", "yes")])
        self.done("train", "reward", *MODEL, "--dataset_name", pairs, "--output_dir",
                  self.path("run"), "--max_steps", 2, "--learning_rate", "1e-2")
        reward = self.path("run") / "final"
        more = ("--min_new_tokens", 12)  # no answer ends, so that none has an end token to score
        kept = command_case.lines_of(self.done(
            *self.words(*more, "--best_of", 4, "--reward_model", reward),
            text=self.rows("they ")).stdout)[0]["completions"]
        samples = command_case.lines_of(self.done(
            *self.words(*more, "--num_return_sequences", 4, "--do_sample"),
            text=self.rows("they ")).stdout)[0]["completions"]
        rows = "".join(json.dumps({"prompt": "they ", "completion": sample["text"]}) + "\n"
                       for sample in samples)
        scored = command_case.lines_of(
            self.done("score", "--model_name_or_path", reward, "--append_eos", "false",
                      text=rows).stdout)
        rewards = [row["reward"] for row in scored]
        self.assertGreater(max(rewards) - min(rewards), 1e-4)
        self.assertAlmostEqual(kept[0]["reward"], max(rewards), 4)
        self.assertEqual(kept[0]["text"], samples[rewards.index(max(rewards))]["text"])

    def test_several_judges_are_added_up_with_weights(self):
        weighted = self.done(
            *self.words("--best_of", 4, "--reward_command", self.judge,
                        self.judge, "--reward_weights", "2,-0.5"), text=self.rows("they ")).stdout
        plain = self.done(*self.words("--best_of", 4, "--reward_command", self.judge),
                          text=self.rows("they ")).stdout
        self.assertEqual(json.loads(weighted)["completions"][0]["reward"],
                         1.5 * json.loads(plain)["completions"][0]["reward"])

    def test_what_does_not_go_together_is_said(self):
        rows = self.rows("they ")
        judge = ("--reward_command", self.judge)
        self.wrong_use(*self.words("--best_of", 2), text=rows, says=["judge"])
        self.wrong_use(*self.words(*judge), text=rows, says=["--best_of"])
        self.wrong_use(*self.words("--examples", "--stream"), text=rows, says=["--stream"])
        self.wrong_use(*self.words("--best_of", 2, *judge, "--temperature", 0), text=rows,
                       says=["temperature"])
        self.wrong_use(*self.words("--best_of", 2, *judge, "--num_return_sequences", 2), text=rows,
                       says=["num_return_sequences"])
        self.wrong_use(*self.words("--best_of", 2, *judge, "--stream"), text=rows, says=["stream"])
        self.wrong_use(*self.words("--best_of", 2, *judge, "--reward_weights", "1,2"), text=rows,
                       says=["2 numbers for 1 rewards"])
        self.wrong_use(*self.words("--best_of", 2, *judge, "--reward_weights", "much"), text=rows,
                       says=["much"])

    def test_a_judge_that_fails_is_named_and_nothing_is_left_behind(self):
        output = self.path("out.jsonl")
        rows = self.rows("they ", "my ")
        words = self.words("--best_of", 2, "--output", output)
        self.failed(*words, "--reward_command", "echo no rewards today >&2; exit 7", text=rows,
                    says=["standard input:1", "exit code 7", "no rewards today"])
        self.failed(*words, "--reward_command", "cat", text=rows, says=["finite number", "reward"])
        self.failed(*words, "--reward_command", "cat > /dev/null", "--reward_timeout_ms", 100,
                    text=rows, says=["said nothing for 100 ms"])
        self.failed(*words, "--reward_model", command_case.TINY, text=rows, says=["score head"])
        self.assertFalse(output.exists())


if __name__ == "__main__":
    unittest.main()
