"""train ppo with a reward command: what a run leaves, a run that is killed and resumed, wrong use."""

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import unittest

import command_case
import hub_server
import programs

MODEL = ("--model_name_or_path", command_case.TINY)
WORDS = ["hey you", "they say", "a year", "the day", "yes", "no", "by the way", "my oh my"]
REWARD = """import json, sys
for line in sys.stdin:
    row = json.loads(line)
    text = row["completion"]
    print(json.dumps({"id": row["id"], "reward": text.count("e") - 0.1 * len(text)}), flush=True)
"""
ROLES = {
    "separate": [],
    "head": ["--value_source", "head", "--samples_per_prompt", 2, "--ema", 0.9],
    "adapter": ["--use_peft", "true", "--lora_r", 4, "--learning_rate", "1e-2",
                "--kl_controller", "adaptive", "--kl_horizon", 100],
}


class PpoTest(command_case.CommandCase):
    def setUp(self):
        super().setUp()
        self.rows = self.write_rows("rows.jsonl", [{"prompt": f"{word}? "} for word in WORDS])
        self.reward = f"{sys.executable} {self.write('reward.py', REWARD)}"

    def words(self, name, *more, reward=None):
        judge = ("--reward_model_path", reward) if reward else ("--reward_command", self.reward)
        return ("train", "ppo", *MODEL, "--dataset_name", self.rows, "--output_dir",
                self.path(name), "--per_device_train_batch_size", 4, "--learning_rate", "1e-3",
                "--response_length", 6, *judge, "--threads", 1, "--num_mini_batches", 2,
                "--save_steps", 2, *more)

    def events(self, name, kind="step"):
        lines = command_case.lines_of((self.path(name) / "events.jsonl").read_text())
        return [{k: v for k, v in line.items() if k not in ("seconds", "eps", "path")}
                for line in lines if line["event"] == kind]

    def digest(self, name):
        digest = {}
        for folder in ("final", "value"):
            for path in sorted((self.path(name) / folder).glob("*.safetensors")):
                digest[folder + "/" + path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        self.assertEqual(len(digest), 2, digest)
        return digest

    def test_a_run_leaves_policy_and_value_and_says_what_trl_says(self):
        self.done(*self.words("run", "--max_steps", 3, "--eval_dataset_name", self.rows,
                              "--eval_strategy", "steps", "--eval_steps", 2))
        steps = self.events("run")
        for name in ("objective/kl", "objective/entropy", "objective/non_score_reward",
                     "objective/rlhf_reward", "objective/scores", "policy/approxkl_avg",
                     "policy/clipfrac_avg", "policy/entropy_avg", "loss/policy_avg",
                     "loss/value_avg", "val/clipfrac_avg", "val/ratio", "val/ratio_var",
                     "val/num_eos_tokens", "episode", "completions/mean_length"):
            self.assertIn(name, steps[0])
        self.assertEqual(steps[2]["episode"], 12)
        lines = command_case.lines_of((self.path("run") / "events.jsonl").read_text())
        for line in (line for line in lines if line["event"] == "step"):
            self.assertEqual(line["lr"], line["learning_rate"])
            self.assertGreater(line["eps"], 0)
            self.assertTrue(math.isfinite(line["eps"]))
        self.assertIn("eval_objective/scores", self.events("run", "eval")[0])
        value = json.loads((self.path("run") / "value/config.json").read_text())
        self.assertEqual(value["architectures"], ["LlamaForSequenceClassification"])
        answer = self.done("generate", "--model_name_or_path", self.path("run") / "final",
                           "--prompt", "yes? ", "--max_new_tokens", 4).stdout
        self.assertEqual(json.loads(answer)["id"], 1)

    def test_a_gold_reward_is_drawn_beside_the_proxy(self):
        gold = self.write("gold.py", REWARD.replace("text.count", "-text.count"))
        self.done(*self.words("run", "--max_steps", 5, "--eval_dataset_name", self.rows,
                              "--eval_strategy", "steps", "--eval_steps", 1, "--eval_on_start",
                              "true", "--learning_rate", "1e-2", "--gold_reward_command",
                              f"{sys.executable} {gold}"))
        evaluations = self.events("run", "eval")
        self.assertEqual([line["step"] for line in evaluations], [0, 1, 2, 3, 4, 5])
        for line in evaluations:
            self.assertAlmostEqual(line["eval_gold/proxy"], line["eval_objective/scores"], 4)
            self.assertAlmostEqual(line["eval_gold/kl"], line["eval_objective/kl_k1"], 4)
            self.assertGreaterEqual(line["eval_gold/scores_error"], 0)
        self.assertNotEqual(evaluations[0]["eval_gold/scores"], evaluations[0]["eval_gold/proxy"])
        self.assertAlmostEqual(evaluations[0]["eval_gold/kl"], 0, 3)
        self.assertGreater(abs(evaluations[-1]["eval_gold/kl"]), 1e-3)
        report = (self.path("run") / "report.html").read_text()
        for part in ("Is the reward being gamed?", "gold, step 5:", "proxy, step 5:",
                     "<b>Distance from the reference</b>"):
            self.assertIn(part, report)
        # A run without evaluations would never ask it.
        result = programs.attune(*self.words("none", "--max_steps", 1, "--gold_reward_command",
                                             f"{sys.executable} {gold}"))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("gold_reward_command: judges the answers of evaluations", result.stderr)

    def train_reward(self, name, *more, **settings):
        rows = self.write_rows("pairs.jsonl", [
            {"prompt": f"{word}? ", "chosen": "they see me", "rejected": "a"} for word in WORDS])
        self.done("train", "reward", *MODEL, "--dataset_name", rows, "--output_dir",
                  self.path(name), "--threads", 1, "--max_steps", 4, "--learning_rate", "3e-3",
                  "--save_strategy", "no", *more, **settings)
        return self.path(name) / "final"

    def scores(self, folder):
        rows = "".join(json.dumps({"prompt": f"{word}? ", "completion": answer}) + "\n"
                       for word in WORDS for answer in ("they see me", "a"))
        result = self.done("score", "--model_name_or_path", folder, "--threads", 1, text=rows)
        return [line["reward"] for line in command_case.lines_of(result.stdout)]

    def test_the_value_starts_as_the_reward_model(self):
        # A value that learns nothing is kept as it started: the reward model before normalisation.
        still = ("--max_steps", 1, "--value_learning_rate", 0)
        cases = {"separate": ((), ()),
                 "adapter": (("--use_peft", "true", "--lora_r", 4),
                             ("--use_peft", "true", "--lora_r", 4))}
        for name, (of_reward, of_policy) in cases.items():
            with self.subTest(name):
                reward = self.train_reward("reward_" + name, *of_reward)
                said = self.done(*self.words(name, *still, *of_policy, reward=reward)).stderr
                self.assertEqual("stands on the policy's trunk" in said, name == "adapter", said)
                info = json.loads(self.done("model", "info", reward, "--json").stdout)
                stored = info.get("reward_normaliser") or json.loads(
                    (reward / "reward_normaliser.json").read_text())
                expected = [score * stored["scale"] + stored["mean"]
                            for score in self.scores(reward)]
                self.assertGreater(max(expected) - min(expected), 0.01)
                for value, score in zip(self.scores(self.path(name) / "value"), expected,
                                        strict=True):
                    self.assertAlmostEqual(value, score, 4)

    def test_a_reward_adapter_names_its_base_on_the_hub(self):
        hub = hub_server.Hub({path.name: path.read_bytes() for path in
                              command_case.TINY.iterdir()})
        self.addCleanup(hub.close)
        env = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(self.path("cache")),
               "HF_TOKEN": "", "HF_HUB_OFFLINE": "", "no_proxy": "127.0.0.1"}
        lora = ("--use_peft", "true", "--lora_r", 4)
        # The last of two options counts: the hub's name in place of the folder.
        named = ("--model_name_or_path", "team/tiny")
        reward = self.train_reward("reward", *lora, *named, env=env)
        base = json.loads((reward / "adapter_config.json").read_text())["base_model_name_or_path"]
        self.assertEqual(base, "team/tiny")
        judged = ("--max_steps", 1, "--gold_reward_model", reward, "--eval_dataset_name",
                  self.rows, "--eval_strategy", "steps", "--eval_steps", 1)
        for name, policy in {"adapter": lora, "separate": ()}.items():
            with self.subTest(name):
                said = self.done(*self.words(name, *judged, *policy, *named, reward=reward),
                                 env=env).stderr
                self.assertEqual("stands on the policy's trunk" in said, name == "adapter", said)
                scored = self.events(name, "eval")[-1]
                self.assertAlmostEqual(scored["eval_gold/scores"], scored["eval_gold/proxy"], 4)
                lineage = json.loads((self.path(name) / "lineage.json").read_text())
                paths = [file["path"] for file in lineage["reward_model_path[0]"]]
                self.assertTrue(any("models--team--tiny" in path for path in paths), paths)
        config = json.loads((reward / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = "team/gone"
        (reward / "adapter_config.json").write_text(json.dumps(config))
        result = programs.attune(*self.words("gone", *lora, reward=reward), env=env)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("reward_model_path: ", result.stderr)
        self.assertIn("the base model team/gone", result.stderr)
        self.assertFalse(self.path("gone").exists())

    def test_a_reward_model_of_another_tokenizer_judges_and_is_no_start(self):
        reward = self.train_reward("reward")
        tokenizer = json.loads((reward / "tokenizer.json").read_text())
        vocabulary = tokenizer["model"]["vocab"]
        vocabulary["y"], vocabulary["s"] = vocabulary["s"], vocabulary["y"]
        (reward / "tokenizer.json").write_text(json.dumps(tokenizer))
        words = self.words("run", "--max_steps", 1, "--value_learning_rate", 0, reward=reward)
        self.done(*words)
        self.assertEqual(set(self.scores(self.path("run") / "value")), {0})
        self.assertIn("rewards/final/mean", self.events("run")[0])
        self.failed(*words, "--overwrite_output_dir", "true", "--value_init", "from_rm",
                    says=["another tokenizer", "value_init: zero"])

    def kill_at(self, name, step):
        """Runs the engine on a job that exists and kills it once the step's line is there."""
        engine = subprocess.Popen([str(programs.BIN / "attune-engine"), "train",
                                   str(self.path(name) / "job.json")],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        events = self.path(name) / "events.jsonl"
        while engine.poll() is None:
            if events.exists() and f'"step":{step},"loss"' in events.read_text():
                break
            os.sched_yield()
        engine.send_signal(signal.SIGKILL)
        engine.wait()

    def test_a_run_that_is_killed_and_resumed_gives_the_same_bits(self):
        for role, more in ROLES.items():
            with self.subTest(role):
                self.done(*self.words("whole" + role, "--max_steps", 7, *more))
                # The job file, with its run directory changed, is what the engine is given.
                killed = self.path("killed" + role)
                killed.mkdir()
                job = json.loads((self.path("whole" + role) / "job.json").read_text())
                job["output_dir"] = job["config"]["output_dir"] = str(killed)
                (killed / "job.json").write_text(json.dumps(job))
                self.kill_at("killed" + role, 3)
                job["config"]["resume_from_checkpoint"] = "true"
                (killed / "job.json").write_text(json.dumps(job))
                self.kill_at("killed" + role, 6)
                subprocess.run([str(programs.BIN / "attune-engine"), "train",
                                str(killed / "job.json")], check=True, capture_output=True)
                self.assertEqual(self.digest("killed" + role), self.digest("whole" + role))
                self.assertEqual(self.events("killed" + role), self.events("whole" + role))

    def test_presets_and_published_recipes_run(self):
        recipe = self.write("ppo.yaml", f"""
sft_model_path: {command_case.TINY}
dataset_name: {self.rows}
output_dir: {self.path("published")}
reward_command: ["{self.reward}"]
exp_name: ppo_config
per_device_train_batch_size: 2
gradient_accumulation_steps: 2
total_episodes: 8
num_ppo_epochs: 1
num_mini_batches: 1
response_length: 5
stop_token: eos
missing_eos_penalty: 1.0
kl_coef: 0.05
local_rollout_forward_batch_size: 4
""")
        self.done("train", "ppo", "--config", recipe)
        self.assertEqual(len(self.events("published")), 2)
        self.done(*self.words("ziegler", "--preset", "ziegler", "--max_steps", 1,
                              "--per_device_train_batch_size", 2,
                              "--gradient_accumulation_steps", 1))
        config = json.loads((self.path("ziegler") / "job.json").read_text())["config"]
        self.assertEqual(config["kl_controller"], "adaptive")
        self.assertEqual(config["response_length"], 6)  # set explicitly
        self.assertEqual(config["adam_epsilon_form"], "tf1")

    def test_wrong_use_is_named(self):
        cases = [
            (["--value_source", "adapter"], "use_peft: true"),
            (["--value_init", "from_rm"], "reward_model_path"),
            (["--ptx_coefficient", 1], "ptx_dataset_name"),
            (["--num_mini_batches", 9], "num_mini_batches"),
            (["--stop_token", "none", "--missing_eos_penalty", 1], "no answer ever ends"),
            (["--eos_rule", "subtract", "--missing_eos_penalty", 1], "set one of them"),
            (["--stop_token_id", 96], "stop_token_id"),
            (["--max_steps", 1, "--response_length", 200], "leave no room for an answer"),
        ]
        for i, (flags, words) in enumerate(cases):
            with self.subTest(words):
                result = programs.attune(*self.words(f"wrong{i}", "--max_steps", 1, *flags))
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(words, result.stderr)
                self.assertFalse((self.path(f"wrong{i}") / "final").exists())

    def test_a_reward_that_breaks_ends_the_run_and_keeps_the_checkpoints(self):
        broken = self.write("broken.py", REWARD.replace("text = row",
                                                        "assert row['id'] <= 14; text = row"))
        result = programs.attune(*self.words("broken", "--max_steps", 9, "--save_steps", 1,
                                             "--reward_command", f"{sys.executable} {broken}"))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("reward", result.stderr)
        kept = sorted(path.name for path in (self.path("broken") / "checkpoints").glob("step-*"))
        self.assertIn("step-3", kept)
        self.assertFalse((self.path("broken") / "final").exists())


if __name__ == "__main__":
    unittest.main()
