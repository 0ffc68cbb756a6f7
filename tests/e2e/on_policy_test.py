"""The on-policy trainers as people start them: the YAML of examples/ on a tiny model, rewards by a
program and by a model, and rewards that fail."""

import json
import shutil
import sys
import unittest

import command_case
import programs

EXAMPLES = programs.ROOT / "examples"
# Rewards an answer by its letters "e".
JUDGE = """
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    print(json.dumps({"id": row["id"], "reward": row["completion"].count("e")}), flush=True)
"""


class OnPolicyTest(command_case.CommandCase):
    def setUp(self):
        super().setUp()
        self.model = self.path("model")
        shutil.copytree(command_case.TINY, self.model)
        config = json.loads((self.model / "config.json").read_text())
        config["max_position_embeddings"] = 4096  # rotary: nothing else depends on it
        (self.model / "config.json").write_text(json.dumps(config))
        (self.model / "chat_template.jinja").write_text(command_case.CHAT_TEMPLATE)
        self.rows = self.write_rows(
            "rows.jsonl", [{"prompt": f"say {word}: "} for word in ("yes", "no", "the", "a")])
        self.judge = f"'{sys.executable}' '{self.write('judge.py', JUDGE)}'"

    def events(self, name="run", kind="step"):
        lines = command_case.lines_of((self.path(name) / "events.jsonl").read_text())
        return [line for line in lines if line["event"] == kind]

    def words(self, trainer, *more):
        return ("train", trainer, "--model_name_or_path", self.model, "--dataset_name", self.rows,
                "--output_dir", self.path("run"), "--max_steps", 2, *more)

    def example(self, trainer, steps, *more):
        # python3 of the example is whatever runs this test.
        short = ("--max_steps", steps, "--max_train_rows", 8, "--eval_strategy", "no", "--save_strategy",
                 "no", "--output_dir", self.path("run"), "--model_name_or_path", self.model)
        self.done("train", trainer, "--config", EXAMPLES / f"{trainer}.yaml", *short, *more,
                  cwd=programs.ROOT)
        self.assertTrue((self.path("run") / "final/adapter_model.safetensors").is_file())
        return self.events()

    def test_the_groups_examples_run(self):
        for trainer in ("rloo", "grpo", "reinforce_plus_plus"):
            with self.subTest(trainer):
                steps = self.example(trainer, 2, "--max_completion_length", 8,
                                     "--overwrite_output_dir", "true")
                self.assertEqual([step["step"] for step in steps], [1, 2])
                for name in ("reward", "reward_std", "frac_reward_zero_std", "entropy",
                             "clip_ratio/region_mean", "completions/mean_length",
                             "completions/clipped_ratio", "rewards/reward_command/mean"):
                    self.assertIn(name, steps[0], trainer)
                self.assertEqual(steps[0]["clip_ratio/region_mean"], 0, trainer)

    def test_the_ppo_example_runs(self):
        steps = self.example("ppo", 2, "--response_length", 8)
        self.assertAlmostEqual(steps[0]["objective/kl"], 0, 3)
        self.assertIn("rewards/reward_command/mean", steps[0])
        self.assertTrue((self.path("run") / "value/adapter_model.safetensors").is_file())

    def test_the_online_dpo_example_runs(self):
        steps = self.example("online_dpo", 2, "--max_new_tokens", 8)
        for name in ("objective/kl", "objective/scores", "objective/rlhf_reward", "frac_ties"):
            self.assertIn(name, steps[0])

    def test_the_spin_example_runs(self):
        steps = self.example("spin", 3, "--max_new_tokens", 8)
        self.assertEqual([step["iterate"] for step in steps], [1, 2, 3])
        for step in steps:
            self.assertAlmostEqual(step["loss"], 0.6931, 3)  # each step begins an iterate
        iterates = json.loads((self.path("run") / "iterates.json").read_text())
        self.assertEqual([entry["first_step"] for entry in iterates], [1, 2, 3])

    def test_full_tuning_with_evaluation_and_report(self):
        self.done(*self.words("rloo", "--reward_command", self.judge, "--num_generations", 4,
                              "--per_device_train_batch_size", 8, "--max_completion_length", 8,
                              "--eval_dataset_name", self.rows, "--eval_strategy", "steps",
                              "--eval_steps", 1, "--learning_rate", "1e-3",
                              "--gold_reward_command", self.judge))
        evaluations = self.events(kind="eval")
        for line in evaluations:  # the same judge twice
            self.assertAlmostEqual(line["eval_gold/scores"], line["eval_gold/proxy"], 5)
        self.assertEqual([line["step"] for line in evaluations], [1, 2])
        for name in ("eval_reward", "eval_kl", "eval_completions/mean_length"):
            self.assertIn(name, evaluations[0])
        report = json.loads((self.path("run") / "data_report.json").read_text())
        self.assertEqual(report["train"]["rows"]["used"], 4)
        self.assertTrue((self.path("run") / "report.html").is_file())
        self.assertTrue((self.path("run") / "final/model.safetensors").is_file())

    def test_mistakes_are_named_before_anything_runs(self):
        judge = ("--reward_command", self.judge)
        self.failed(*self.words("rloo"), says=["reward_model_path"])
        self.failed(*self.words("grpo", *judge, "--num_generations", 3), says=["num_generations"])
        self.failed(*self.words("rloo", *judge, "--num_generations", 1), says=["at least 2"])
        self.failed(*self.words("rloo", *judge, "--temperature", 0), says=["temperature"])
        self.failed(*self.words("rloo", "--reward_model_path", self.model), says=["score head"])
        self.failed(*self.words("rloo", "--reward_model_path", self.path("absent")),
                    says=["absent"])
        self.wrong_use(*self.words("grpo", *judge, "--entropy_coef", 0.1), says=["entropy_coef"])
        self.failed(*self.words("online_dpo", *judge, "--beta", "0"), says=["beta"])
        self.failed(*self.words("spin", "--iterates", 9), says=["prompt+completion"])

    def test_a_policy_that_runs_away_ends_the_run(self):
        judge = ("--reward_command", self.judge, "--max_steps", 6, "--learning_rate", 10,
                 "--kl_limit", 1)
        for words in (("online_dpo", *judge, "--max_new_tokens", 8, "--save_steps", 1),
                      ("rloo", *judge, "--max_completion_length", 8, "--save_steps", 1,
                       "--num_generations", 4, "--per_device_train_batch_size", 8)):
            self.failed(*self.words(*words, "--overwrite_output_dir", "true"),
                        says=["run away from its reference", "kl_limit"])
            self.assertTrue((self.path("run") / "checkpoints/step-1").is_dir())
            self.assertFalse((self.path("run") / "final").exists())

    def test_kl_limit_without_beta(self):
        # Adapters leave the reference on the trunk; with full tuning there is none, and it is said.
        dense = self.write("dense.py", JUDGE.replace('row["completion"].count("e")',
                                                     'sum(map(ord, row["completion"]))'))
        grpo = ("--reward_command", f"'{sys.executable}' '{dense}'", "--max_completion_length", 8,
                "--num_generations", 4, "--per_device_train_batch_size", 8, "--learning_rate", 1,
                "--kl_limit", 0.2, "--overwrite_output_dir", "true", "--max_steps", 6)
        self.failed(*self.words("grpo", *grpo, "--use_peft", "true"),
                    says=["run away from its reference", "kl_limit"])
        self.assertAlmostEqual(self.events()[0]["kl"], 0, 3)
        said = self.done(*self.words("grpo", *grpo, "--learning_rate", 1e-6)).stderr
        self.assertIn("kl_limit: has no effect", said)
        self.assertNotIn("kl", self.events()[0])
        # Written counts, also where it is the default; what nobody wrote costs and says nothing.
        said = self.done(*self.words("grpo", *grpo, "--learning_rate", 1e-6, "--kl_limit", 10)).stderr
        self.assertIn("kl_limit: has no effect", said)
        unset = [word for word in grpo if word not in ("--kl_limit", 0.2)]
        said = self.done(*self.words("grpo", *unset, "--learning_rate", 1e-6)).stderr
        self.assertNotIn("kl_limit", said)

    def test_max_length_is_of_prompt_and_answer_together(self):
        words = self.words("online_dpo", "--reward_command", self.judge, "--max_new_tokens", 8)
        lengths = [len(line["ids"]) for line in command_case.lines_of(self.done(
            "tokenize", "--model_name_or_path", self.model, text="".join(
                json.dumps({"id": word, "text": f"say {word}: "}) + "\n"
                for word in ("yes", "no", "the", "a"))).stdout)]
        limit = max(lengths) + 8
        self.failed(*words, "--max_length", limit - 1, says=["rows.jsonl", "max_length"])
        self.done(*words, "--max_length", limit, "--overwrite_output_dir", "true")
        self.done(*words, "--max_length", limit - 1, "--overwrite_output_dir", "true",
                  "--allow_skipped_rows", "true")
        report = json.loads((self.path("run") / "data_report.json").read_text())
        self.assertEqual(report["train"]["dropped"][0]["reason"], "longer than max_length")
        self.failed(*words, "--max_length", 8, "--overwrite_output_dir", "true",
                    says=["max_length: 8", "max_new_tokens (8)"])

    def test_a_reward_that_fails_in_an_evaluation_leaves_a_checkpoint(self):
        # Four answers of an evaluation behind eight of each of two steps; gold is asked there only.
        broken = self.write("broken", "")
        dies = JUDGE.replace(
            "    row = json.loads(line)\n",
            "    row = json.loads(line)\n"
            f"    if row['id'] > LAST and __import__('os').path.exists('{broken}'):\n"
            "        sys.exit('the scorer ran out of quota')\n")
        proxy = self.write("proxy.py", dies.replace("LAST", "16"))
        gold = self.write("gold.py", dies.replace("LAST", "0"))
        shape = ("--num_generations", 4, "--num_generations_eval", 1,
                 "--per_device_train_batch_size", 8, "--max_completion_length", 6, "--max_steps", 3,
                 "--save_steps", 100, "--eval_dataset_name", self.rows, "--eval_strategy", "steps",
                 "--eval_steps", 2, "--overwrite_output_dir", "true")
        for rewards in (("--reward_command", f"'{sys.executable}' '{proxy}'"),
                        ("--reward_command", self.judge, "--gold_reward_command",
                         f"'{sys.executable}' '{gold}'")):
            words = self.words("rloo", *rewards, *shape)
            self.failed(*words, says=["ran out of quota", "checkpoint of step 2"])
            self.assertEqual(self.events(kind="eval"), [])
            broken.unlink()
            self.done(*words, "--resume_from_checkpoint", "true")
            self.assertEqual([step["step"] for step in self.events()], [1, 2, 3])
            self.assertEqual([line["step"] for line in self.events(kind="eval")], [2, 3])
            broken.write_text("")

    def test_a_reward_that_fails_leaves_a_checkpoint_to_go_on_from(self):
        # Dies for good after two steps of 8 answers, until it is mended.
        broken = self.write("broken", "")
        failing = self.write("failing.py", JUDGE.replace(
            "    row = json.loads(line)\n",
            "    row = json.loads(line)\n"
            f"    if row['id'] > 16 and __import__('os').path.exists('{broken}'):\n"
            "        sys.exit('the scorer ran out of quota')\n"))
        words = self.words("rloo", "--reward_command", f"'{sys.executable}' '{failing}'",
                           "--num_generations", 4, "--per_device_train_batch_size", 8,
                           "--max_completion_length", 6, "--max_steps", 4, "--save_steps", 100)
        self.failed(*words, says=["ran out of quota", "exit code 1", "checkpoint of step 2"])
        broken.unlink()
        self.done(*words, "--resume_from_checkpoint", "true")
        self.assertEqual([step["step"] for step in self.events()], [1, 2, 3, 4])

    def test_rewards_that_are_no_numbers_are_errors(self):
        for answer, part in (('{"id": %d, "reward": NaN}', "no number"),
                             ('{"id": %d, "reward": null}', "finite number"),
                             ("thinking about %d", "no answer")):
            script = self.write("bad.py", "import json, sys\nfor line in sys.stdin:\n"
                                f"    print({answer!r} % json.loads(line)['id'], flush=True)\n")
            self.failed(*self.words("rloo", "--reward_command", f"'{sys.executable}' '{script}'",
                                    "--overwrite_output_dir", "true"), says=[part])


if __name__ == "__main__":
    unittest.main()
