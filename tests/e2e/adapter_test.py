"""LoRA adapters between commands: what a run leaves beside its adapter is used by whatever loads
the folder next, and adapters lie on top of each other as they were asked for."""

import json
import re
import shutil
import unittest

import command_case

TINY = command_case.TINY
# In the manner of published QLoRA recipes: a base without a template, which the recipe brings.
RECIPE = f"""model_name_or_path: {TINY}
use_peft: true
lora_r: 4
lora_alpha: 8
lora_dropout: 0.0
lora_target_modules: [q_proj, v_proj]
chat_template: "{command_case.CHAT_TEMPLATE}"
eos_token: z
max_steps: 6
learning_rate: 2.0e-2
save_strategy: "no"
per_device_train_batch_size: 4
"""
CHATS = [{"messages": [{"role": "user", "content": question},
                       {"role": "assistant", "content": question[::-1]}]}
         for question in ("hey", "you", "the day", "oh my")]
ASKED = json.dumps({"messages": [{"role": "user", "content": "hey"}]}) + "\n"
PAIR = json.dumps({"prompt": "the ", "completion": "year"}) + "\n"


class AdapterCase(command_case.CommandCase):
    def train(self, name, *words, rows=CHATS):
        data = self.write_rows(f"{name}.jsonl", rows)
        result = self.done("train", "sft", "--config", self.write("recipe.yaml", RECIPE),
                           "--dataset_name", data, "--output_dir", self.path(name), *words)
        return self.path(name) / "final", result.stderr

    def answer(self, *words, text=ASKED):
        out = self.done("generate", "--max_new_tokens", 12, *words, text=text).stdout
        return json.loads(out)["completions"]

    def score(self, *words, text=PAIR):
        return json.loads(self.done("score", *words, text=text).stdout)["sum_logprob"]


class OwnTextTest(AdapterCase):
    def setUp(self):
        super().setUp()
        self.final, _ = self.train("run")
        self.merged = self.path("merged")
        self.done("model", "merge", "--model_name_or_path", TINY, "--adapter", self.final,
                  "--output", self.merged)

    def test_conversations_go_through_the_run_s_own_template(self):
        template = self.write("chat.jinja", command_case.CHAT_TEMPLATE)
        wanted = self.answer("--model_name_or_path", TINY, "--adapter", self.final,
                             "--chat_template_path", template)
        self.assertEqual(self.answer("--model_name_or_path", self.final), wanted)
        self.assertEqual(self.answer("--model_name_or_path", TINY, "--adapter", self.final), wanted)
        self.assertEqual(self.answer("--model_name_or_path", self.merged)[0]["text"],
                         wanted[0]["text"])
        chat = self.done("chat", "--model_name_or_path", self.final, "--max_new_tokens", 12,
                         text="hey\n").stdout
        self.assertEqual(chat, wanted[0]["text"] + "\n")

    def test_answers_end_at_the_run_s_own_end_token(self):
        words = ("--prompt", "the ", "--temperature", 2, "--num_return_sequences", 8,
                 "--max_new_tokens", 60, "--seed", 5)
        models = {"base": (TINY,), "final": (self.final,), "merged": (self.merged,),
                  "on top": (TINY, "--adapter", self.final)}
        for name, model in models.items():
            answers = self.answer("--model_name_or_path", *model, *words)
            ended = [one for one in answers if one["finish_reason"] == "stop"]
            spelt = any("z" in one["text"] for one in answers)
            self.assertEqual(spelt, name == "base", (name, answers))
            self.assertTrue(ended or name == "base", (name, answers))

    def test_scores_end_in_the_run_s_own_end_token(self):
        spelt = json.dumps({"prompt": "the ", "completion": "yearz"}) + "\n"
        for model in (self.final, self.merged):
            flags = ("--model_name_or_path", model)
            self.assertAlmostEqual(self.score(*flags, "--append_eos"),
                                   self.score(*flags, text=spelt), 4)

    def test_the_next_stage_trains_with_it(self):
        further = self.path("further")
        data = self.write_rows("rows.jsonl", CHATS)
        self.done("train", "sft", "--model_name_or_path", self.final, "--use_peft", "true",
                  "--dataset_name", data, "--output_dir", further, "--max_steps", 1)
        for name in ("chat_template.jinja", "tokenizer_config.json"):
            self.assertEqual((further / "final" / name).read_text(),
                             (self.final / name).read_text())
        self.assertEqual(json.loads((further / "final/tokenizer_config.json").read_text())
                         ["eos_token"], "z")

    def test_a_merged_model_names_the_end_token(self):
        config = json.loads((self.merged / "config.json").read_text())
        generation = json.loads((self.merged / "generation_config.json").read_text())
        self.assertEqual((config["eos_token_id"], generation["eos_token_id"]), (28, [28, 2]))

    def test_another_model_s_tokenizer_is_refused(self):
        path = self.final / "tokenizer.json"
        tokenizer = json.loads(path.read_text())
        words = tokenizer["model"]["vocab"]
        words["a"], words["b"] = words["b"], words["a"]
        path.write_text(json.dumps(tokenizer))
        says = [f"{self.final}: token 3 is \"b\" in the adapter's tokenizer and \"a\"",
                "belongs to another model"]
        self.failed("generate", "--model_name_or_path", self.final, text=ASKED, says=says)
        self.failed("model", "merge", "--model_name_or_path", TINY, "--adapter", self.final,
                    "--output", self.path("other"), says=says)
        self.failed("train", "sft", "--model_name_or_path", self.final, "--use_peft", "true",
                    "--dataset_name", self.write_rows("rows.jsonl", CHATS), "--output_dir",
                    self.path("other"), "--max_steps", 1, says=says)


class StackTest(AdapterCase):
    def test_an_adapter_on_top_of_an_adapter(self):
        first, _ = self.train("first")
        second, _ = self.train("second", "--seed", 7)
        merged = self.path("merged")
        self.done("model", "merge", "--model_name_or_path", TINY, "--adapter", first, "--output",
                  merged)
        wanted = self.score("--model_name_or_path", merged, "--adapter", second)
        both = self.score("--model_name_or_path", first, "--adapter", second)
        self.assertAlmostEqual(both, wanted, 4)
        for alone in (first, second):
            self.assertNotAlmostEqual(self.score("--model_name_or_path", alone), wanted, 2)

    def test_what_the_upper_one_lacks_is_the_lower_one_s(self):
        first, _ = self.train("first")
        second, _ = self.train("second", "--seed", 7)
        for name in ("tokenizer.json", "tokenizer_config.json"):  # its template stays
            (second / name).unlink()
        flags = ("--model_name_or_path", first, "--adapter", second)
        spelt = json.dumps({"prompt": "the ", "completion": "yearz"}) + "\n"
        self.assertAlmostEqual(self.score(*flags, "--append_eos"), self.score(*flags, text=spelt), 4)

    def test_a_folder_s_name_may_hold_an_equals_sign(self):
        final, _ = self.train("run")
        odd = self.path("lr=0.02")
        shutil.move(final, odd)
        self.assertEqual(self.score("--model_name_or_path", TINY, "--adapter", odd),
                         self.score("--model_name_or_path", odd))


class GoingOnTest(AdapterCase):
    def test_the_adapter_s_own_options_win_and_are_recorded(self):
        final, _ = self.train("run")
        _, said = self.train("same", "--model_name_or_path", final)
        self.assertNotIn("has no effect", said)
        words = ("--lora_r", 8, "--lora_target_modules", "o_proj", "--use_rslora", "true")
        further, said = self.train("further", "--model_name_or_path", final, *words)
        for option, value, own in (("lora_r", "8", "4"), ("use_rslora", "true", "false"),
                                   ("lora_target_modules", '["o_proj"]', '["q_proj","v_proj"]')):
            self.assertIn(f"--{option}: {option}: {value} has no effect: training goes on from "
                          f"{final}, which has {own}", re.sub(r'", "', '","', said))
        self.assertNotIn("lora_alpha", said)
        config = (further.parent / "config.yaml").read_text()
        self.assertIn("lora_r: 4\n", config)
        self.assertIn("use_rslora: false\n", config)
        written = json.loads((further / "adapter_config.json").read_text())
        self.assertEqual((written["r"], sorted(written["target_modules"])),
                         (4, ["q_proj", "v_proj"]))


if __name__ == "__main__":
    unittest.main()
