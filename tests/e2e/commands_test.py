"""What every command owes its user: help, the nearest name, exit codes, one clear error."""

import json
import unittest

import command_case
import programs

COMMANDS = ["tokenize", "score", "generate", "chat", "import", "train", "report", "model", "doctor", "demo"]
# A command line that would work but for the word that a test adds to it.
COMPLETE = {
    "tokenize": ["tokenize", "--model_name_or_path", command_case.TINY],
    "score": ["score", "--model_name_or_path", command_case.TINY],
    "generate": ["generate", "--model_name_or_path", command_case.TINY],
    "chat": ["chat", "--model_name_or_path", command_case.TINY],
    "train sft": ["train", "sft", "--model_name_or_path", command_case.TINY],
    "model info": ["model", "info", command_case.TINY],
    "model convert": ["model", "convert", "--model_name_or_path", command_case.TINY],
    "model merge": ["model", "merge", "--model_name_or_path", command_case.TINY],
    "doctor": ["doctor"],
    "import": ["import"],
    "demo": ["demo", "--model_name_or_path", command_case.TINY],
}


class CommandsTest(command_case.CommandCase):
    def test_help_lists_every_command(self):
        for words in ([], ["--help"], ["help"], ["-h"]):
            result = self.done(*words)
            for name in COMMANDS:
                self.assertRegex(result.stdout, rf"(?m)^  {name} ", words)

    def test_every_command_explains_its_options(self):
        options = {"train sft": "--learning_rate", "report": "RUN", "doctor": "--json",
                   "model merge": "--adapter", "demo": "--max_minutes", "import": "hh_rlhf"}
        self.assertIn("sft", self.done("help", "train").stdout)
        for name in [*COMPLETE, "report"]:
            command = name.split()
            for words in ([*command, "--help"], [*command, "-h"], ["help", *command]):
                text = self.done(*words).stdout
                self.assertIn(options.get(name, "--model_name_or_path"), text, words)

    def test_a_mistyped_command_names_the_nearest(self):
        self.wrong_use("tokenise", says=['"tokenise"', "did you mean tokenize?"])
        self.wrong_use("train", "stf", says=['"stf"', "did you mean sft?"])
        self.wrong_use("model", "convrt", says=["model convrt", "did you mean convert?"])
        self.wrong_use("qqqqqq", says=["attune --help"])

    def test_a_mistyped_option_names_the_nearest(self):
        for name, words in COMPLETE.items():
            near, right = {"doctor": ("--jsno", "json"), "demo": ("--max_minuts", "max_minutes"),
                           "import": ("--formt", "format"),
                           "model info": ("--jsno", "json"),
                           }.get(name, ("--model_name_or_pth", "model_name_or_path"))
            self.wrong_use(*words, near, "1", says=[near, f"did you mean --{right}?"])
            self.wrong_use(*words, "--zzzzzzzz", "1", says=["--zzzzzzzz", "--help"])

    def test_a_stray_word_and_a_single_dash_are_wrong_use(self):
        for name in COMPLETE:
            if name != "train sft":
                self.wrong_use(*name.split(), "stray", "word", says=['"stray"'])
        self.wrong_use("generate", "-seed", "1", says=["-seed", "two dashes"])

    def test_a_value_of_the_wrong_kind_is_named_with_its_option(self):
        generate = COMPLETE["generate"]
        self.wrong_use(*generate, "--max_new_tokens", "many", says=["max_new_tokens", "many"])
        self.wrong_use(*generate, "--max_new_tokens", "0", says=["max_new_tokens", "from 1"])
        self.wrong_use(*generate, "--dtype", "float23", says=["dtype", "did you mean float32?"])
        self.wrong_use(*generate, "--stream", "perhaps", says=["stream", "true or false"])

    def test_a_missing_model_is_wrong_use_and_an_absent_one_fails(self):
        for name in ("tokenize", "score", "generate", "chat"):
            self.wrong_use(name, says=["--model_name_or_path"])
            self.failed(name, "--model_name_or_path", "no/such/folder", says=["no/such/folder"])
        self.wrong_use("model", "info", says=["--model_name_or_path"])
        self.wrong_use("report", says=["attune report RUN"])
        self.failed("report", self.directory.name, says=["events.jsonl"])

    def test_import_writes_examples_and_accounts_for_every_row(self):
        turns = "\n\nHuman: q\n\nAssistant:"
        rows = self.write_rows("hh.jsonl", [{"chosen": turns + " a", "rejected": turns + " b"},
                                            {"chosen": turns + " a", "rejected": turns[:9]}])
        out = self.path("out.jsonl")
        result = self.done("import", "--data", rows, "--output", out, "--json")
        account = json.loads(result.stdout)
        self.assertEqual((account["format"], account["rows_read"], account["examples"]),
                         ("hh_rlhf", 2, 1))
        self.assertEqual(account["dropped"][0]["first_row"], 2)
        self.assertIn("hh_rlhf (detected): 2 rows read, 1 examples", result.stderr)
        self.assertIn("dropped 1: a transcript does not end with an answer (first: row 2)",
                      result.stderr)
        example = command_case.lines_of(out.read_text(encoding="utf-8"))[0]
        self.assertEqual(example["chosen"], [{"role": "assistant", "content": "a"}])
        self.assertEqual(example["source"]["licence"], "MIT")
        # What it writes, it reads: from standard input to standard output, unchanged.
        again = self.done("import", "--format", "trl", text=out.read_text(encoding="utf-8"))
        self.assertEqual(command_case.lines_of(again.stdout), [example])

    def test_import_writes_parquet_that_it_reads(self):
        rows = self.write_rows("rows.jsonl", [
            {"prompt": [{"role": "user", "content": "q"}], "completions": [
                [{"role": "assistant", "content": "a"}], [{"role": "assistant", "content": "b"}]],
             "ranks": [1, None], "source": {"dataset": "d", "row": str(row), "licence": "MIT",
                                            "generated_by": "people"}} for row in range(3)])
        table, lines = self.path("rows.parquet"), self.path("again.jsonl")
        self.done("import", "--data", rows, "--output", table)
        self.assertEqual(table.read_bytes()[:4], b"PAR1")
        self.done("import", "--data", table, "--output", lines)
        self.assertEqual(command_case.lines_of(lines.read_text(encoding="utf-8")),
                         command_case.lines_of(rows.read_text(encoding="utf-8")))

    def test_doctor_measures_this_machine(self):
        found = json.loads(self.done("doctor", "--json").stdout)
        self.assertGreater(found["fp32_gflops"], 0)
        self.assertGreater(found["read_gb_per_s"], 0)
        self.assertGreaterEqual(found["threads"], 1)
        self.assertIn("attune-engine", found["engine"])

    def test_doctor_says_where_it_looked_for_the_engine(self):
        result = programs.attune("doctor", env={"ATTUNE_ENGINE": "/no/engine"})
        self.assertEqual(result.returncode, 1)
        self.assertIn("ATTUNE_ENGINE=/no/engine", result.stderr)


if __name__ == "__main__":
    unittest.main()
