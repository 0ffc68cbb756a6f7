"""attune demo on a tiny model: asks nothing, says where things are, leaves nothing running."""

import json
import os
import re
import shutil
import subprocess
import unittest

import command_case
import programs


THINGS = ["door", "lamp", "car", "key", "phone", "screen", "mouse", "table", "chair", "pen"]


def pair(question, answer):
    return {"prompt": [{"role": "user", "content": question}],
            "completion": [{"role": "assistant", "content": answer}]}


class DemoTest(command_case.CommandCase):
    def setUp(self):
        super().setUp()
        # The tiny model with room for 320 new tokens, and with a chat template.
        self.model = self.path("tiny")
        shutil.copytree(command_case.TINY, self.model)
        self.edit("config.json", max_position_embeddings=4096)
        self.edit("tokenizer_config.json", chat_template=command_case.CHAT_TEMPLATE)
        self.data = self.path("support")
        self.data.mkdir()
        pairs = [pair(f"my {word} is broken", f"Subject: the {word}") for word in THINGS]
        self.write_rows("support/train.jsonl", pairs[2:])
        self.write_rows("support/eval.jsonl", pairs[:2])
        support = programs.ROOT / "examples" / "support" / "heldout.jsonl"
        self.write("support/heldout.jsonl", "".join(support.read_text().splitlines(True)[:3]))

    def edit(self, name, **members):
        content = json.loads((self.model / name).read_text())
        (self.model / name).write_text(json.dumps({**content, **members}))

    def words(self):
        return ["demo", "--model_name_or_path", self.model, "--data", self.data, "--output_dir",
                self.path("run"), "--max_minutes", "1"]

    def test_before_training_after_and_nothing_left(self):
        before = set(self.engines())
        result = self.done(*self.words(), env={"DEMO_EXIT": "1"})
        self.assertEqual(set(self.engines()) - before, set())
        text = result.stdout
        self.assertIn("Can you write an email answering what the HTTP Error 500 means?", text)
        self.assertEqual(len(re.findall(r"(?m)^--- \d+\. ", text)), 6)
        self.assertRegex(text, r"\d+ steps of 8 answers")
        self.assertRegex(text, r"answers that meet all five +0 of +3 +\d of +3")
        first, last = re.search(r"Loss on held-out mails: ([\d.]+) before, ([\d.]+) after",
                                text).groups()
        self.assertLess(float(last), float(first))
        for label, path in (("The model", "final"), ("The report", "report.html")):
            named = re.search(rf"{label}: +(\S+)", text).group(1)
            self.assertEqual(named, str(self.path("run") / path))
            self.assertTrue(os.path.exists(named))
        self.assertIn("Next:", text)
        self.assertFalse(self.path("run-probe").exists())
        report = (self.path("run") / "report.html").read_text()
        self.assertEqual(report.count('class="card sample"'), 3)
        self.next_commands_run_as_printed(text)

    def next_commands_run_as_printed(self, text):
        lines = [line.strip() for line in text.partition("Next:")[2].splitlines() if line.strip()]
        self.assertGreaterEqual(len(lines), 3)
        for line in lines:
            ended = subprocess.run(line, shell=True, input="", capture_output=True, text=True,
                                   timeout=120, check=False)
            self.assertEqual(ended.returncode, 0, (line, ended.stderr))

    def test_what_is_missing_is_named(self):
        self.failed("demo", "--data", self.path("none"), "--model_name_or_path", self.model,
                    says=["none/heldout.jsonl"])
        self.failed("demo", "--data", self.data, "--model_name_or_path", self.path("no.gguf"),
                    says=["no.gguf"])

    def engines(self):
        engine = str(programs.BIN / "attune-engine")
        listed = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True,
                                check=True).stdout
        return [line.split()[0] for line in listed.splitlines()
                if engine in line and str(self.model) in line]


if __name__ == "__main__":
    unittest.main()
