"""train sft and report: the run directory, resuming, wrong use."""

import json
import signal
import subprocess
import unittest

import command_case
import programs

MODEL = ("--model_name_or_path", command_case.TINY)
WORDS = ["hey you", "they say", "a year", "the day", "yes", "no", "by the way", "my oh my"]


class TrainTest(command_case.CommandCase):
    def setUp(self):
        super().setUp()
        self.rows = self.write_rows(
            "rows.jsonl", [{"prompt": f"{word}? ", "completion": word[::-1]} for word in WORDS])

    def words(self, name="run", *more):
        return ("train", "sft", *MODEL, "--dataset_name", self.rows, "--output_dir",
                self.path(name), "--per_device_train_batch_size", 2, "--learning_rate", "1e-3",
                *more)

    def events(self, name="run", kind="step"):
        lines = command_case.lines_of((self.path(name) / "events.jsonl").read_text())
        return [line for line in lines if line["event"] == kind]

    def test_a_run_directory_holds_all_that_it_should(self):
        self.done(*self.words("run", "--max_steps", 4, "--save_steps", 2, "--eval_dataset_name",
                              self.rows, "--eval_strategy", "steps", "--eval_steps", 2,
                              "--sample_prompts", "the ", "--sample_max_new_tokens", 8))
        run = self.path("run")
        for name in ("config.yaml", "job.json", "data_report.json", "lineage.json", "report.html",
                     "final/model.safetensors", "final/config.json", "final/tokenizer.json",
                     "checkpoints/step-2/state.json", "checkpoints/step-4/state.json"):
            self.assertTrue((run / name).is_file(), name)
        self.assertEqual([event["step"] for event in self.events()], [1, 2, 3, 4])
        self.assertEqual([event["step"] for event in self.events(kind="eval")], [2, 4])
        self.assertIn(4, [event["step"] for event in self.events(kind="sample")])
        report = json.loads((run / "data_report.json").read_text())
        self.assertEqual(report["train"]["rows"]["used"], len(WORDS))
        self.assertIn("learning_rate: 0.001", (run / "config.yaml").read_text())
        answers = self.done("generate", "--model_name_or_path", run / "final", "--prompt", "yes? ",
                            "--max_new_tokens", 4).stdout
        self.assertEqual(json.loads(answers)["id"], 1)

    def test_it_learns_the_rows(self):
        self.done(*self.words("run", "--num_train_epochs", 12, "--learning_rate", "4e-3",
                              "--save_strategy", "no"))
        losses = [event["loss"] for event in self.events()]
        self.assertEqual(len(losses), 12 * len(WORDS) // 2)
        self.assertLess(sum(losses[-4:]), sum(losses[:4]) / 2)

    def test_yaml_is_overruled_by_flags_and_its_typos_are_named(self):
        config = self.write("sft.yaml", f"output_dir: {self.path('run')}\nmax_steps: 9\n"
                                        f"dataset_name: {self.rows}\nbf16: false\n")
        self.done("train", "sft", *MODEL, "--config", config, "--max_steps", 1)
        self.assertEqual(len(self.events()), 1)
        config.write_text("lerning_rate: 1\n")
        self.wrong_use("train", "sft", "--config", config,
                       says=["sft.yaml", "lerning_rate", "did you mean learning_rate?"])
        self.failed("train", "sft", "--config", self.path("none.yaml"), says=["none.yaml"])

    def test_a_run_is_continued_or_replaced_only_when_asked(self):
        self.done(*self.words("run", "--max_steps", 2, "--save_steps", 1))
        self.wrong_use(*self.words("run", "--max_steps", 4),
                       says=["--resume_from_checkpoint", "--overwrite_output_dir"])
        self.done(*self.words("run", "--max_steps", 4, "--resume_from_checkpoint", "true"))
        self.assertEqual([event["step"] for event in self.events()], [1, 2, 3, 4])
        self.done(*self.words("run", "--max_steps", 1, "--overwrite_output_dir"))
        self.assertEqual([event["step"] for event in self.events()], [1])

    def test_json_prints_the_events(self):
        result = self.done(*self.words("run", "--max_steps", 2, "--json"))
        printed = command_case.lines_of(result.stdout)
        file = command_case.lines_of((self.path("run") / "events.jsonl").read_text())
        self.assertEqual(printed[:-1], file)
        self.assertEqual(printed[-1], {"event": "done", "model": str(self.path("run") / "final"),
                                       "report": str(self.path("run") / "report.html")})

    def test_an_interrupt_ends_both_programs_and_the_run_resumes(self):
        words = self.words("run", "--max_steps", 100000, "--logging_steps", 1)
        train = subprocess.Popen([str(programs.BIN / "attune"), *map(str, words)],
                                 stderr=subprocess.PIPE, text=True)
        next(line for line in train.stderr if "step 1/" in line)
        children = command_case.children_of(train.pid)
        train.send_signal(signal.SIGINT)
        _, errors = train.communicate(timeout=120)  # closes the pipe
        self.assertEqual(train.returncode, 1, errors)
        self.assertFalse([pid for pid in children if command_case.is_running(pid)])
        self.assertIn("resume_from_checkpoint", errors)
        step = self.events()[-1]["step"]
        self.done(*self.words("run", "--max_steps", step + 2, "--resume_from_checkpoint", "true"))
        self.assertEqual(self.events()[-1]["step"], step + 2)

    def test_what_is_missing_is_named(self):
        self.failed("train", "sft", *MODEL, "--dataset_name", self.path("absent.jsonl"),
                    "--output_dir", self.path("run2"), says=["absent.jsonl"])
        self.wrong_use("train", "sft", *MODEL, "--dataset_name", self.rows, says=["--output_dir"])

    def test_report_can_be_written_again(self):
        self.done(*self.words("run", "--max_steps", 1))
        (self.path("run") / "report.html").unlink()
        result = self.done("report", self.path("run"))
        self.assertEqual(result.stdout.strip(), str(self.path("run") / "report.html"))
        self.assertIn("<svg", (self.path("run") / "report.html").read_text())
        told = json.loads(self.done("report", self.path("run"), "--json").stdout)
        self.assertEqual(told, {"report": str(self.path("run") / "report.html")})


if __name__ == "__main__":
    unittest.main()
