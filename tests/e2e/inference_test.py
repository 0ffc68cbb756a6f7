"""tokenize, score, generate and chat on a tiny model: in, out, and what is refused."""

import json
import math
import os
import pty
import re
import subprocess
import unittest

import command_case
import programs

MODEL = ("--model_name_or_path", command_case.TINY)


class TokenizeTest(command_case.CommandCase):
    def test_there_and_back_through_files(self):
        texts = ["the year", " a they", "I am 42."]
        rows = self.write_rows(
            "in.jsonl", [{"id": f"t{i}", "text": text} for i, text in enumerate(texts)])
        ids = self.path("ids.jsonl")
        self.done("tokenize", *MODEL, "--data", rows, "--output", ids)
        written = command_case.lines_of(ids.read_text())
        self.assertEqual([row["id"] for row in written], ["t0", "t1", "t2"])
        self.assertEqual(written[0]["ids"], [82, 84, 7, 3, 20])  # "the", " y", "e", "a", "r"
        back = self.done("tokenize", *MODEL, "--decode", text=ids.read_text()).stdout
        self.assertEqual([row["text"] for row in command_case.lines_of(back)], texts)

    def test_csv_goes_in_too(self):
        out = self.done("tokenize", *MODEL, text="id,text\n7,the\n").stdout
        self.assertEqual(json.loads(out)["ids"], [82])

    def test_a_bad_row_is_named_and_nothing_is_left_behind(self):
        output = self.path("ids.jsonl")
        rows = '{"id": 1, "text": "the"}\n{"id": 2, "txt": "the"}\n'
        words = ("tokenize", *MODEL, "--output", output)
        self.failed(*words, text=rows, says=["standard input:2", '"text"'])
        self.failed(*words, text="{no json\n", says=["standard input"])
        self.failed(*words, text="", says=["standard input"])
        self.failed("tokenize", *MODEL, "--data", self.path("absent"), says=["absent"])
        self.failed("tokenize", *MODEL, "--decode", text='{"ids": [96]}\n',
                    says=["standard input:1", "96"])
        self.assertEqual(os.listdir(self.directory.name), [])


class ScoreTest(command_case.CommandCase):
    def score(self, rows, *words):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        return command_case.lines_of(self.done("score", *MODEL, *words, text=text).stdout)

    def test_one_line_a_completion(self):
        rows = [{"id": "k", "prompt": "the ", "completions": ["year", "yes they"]},
                {"id": "one", "prompt": "the ", "completion": "year"}]
        lines = self.score(rows)
        self.assertEqual([(line["id"], line["index"]) for line in lines],
                         [("k", 0), ("k", 1), ("one", 0)])
        for line in lines:
            self.assertLess(line["sum_logprob"], 0)
            self.assertAlmostEqual(line["mean_logprob"], line["sum_logprob"] / line["tokens"], 5)
        self.assertAlmostEqual(lines[0]["sum_logprob"], lines[2]["sum_logprob"], 4)

    def test_the_end_token_counts_when_asked_for(self):
        row = {"prompt": "the ", "completion": "year"}
        plain, ended = self.score([row])[0], self.score([row], "--append_eos")[0]
        self.assertEqual(ended["tokens"], plain["tokens"] + 1)
        self.assertLess(ended["sum_logprob"], plain["sum_logprob"])

    def test_next_tokens_share_one_probability(self):
        # Every token that may follow, each as a completion: their probabilities sum to 1.
        tokenizer = json.loads((command_case.TINY / "tokenizer.json").read_text())
        vocabulary = tokenizer["model"]["vocab"]
        words = [t.replace("\u0120", " ").replace("\u010a", "\n") for t in vocabulary]
        rows = [{"prompt": "they ", "completion": word} for word in words]
        lines = [line for line in self.score(rows) if line["tokens"] == 1]
        total = math.fsum(math.exp(line["sum_logprob"]) for line in lines)
        self.assertGreater(len(lines), 70)
        self.assertLess(total, 1.0 + 1e-4)
        self.assertGreater(total, 0.5)

    def test_odd_rows_are_named(self):
        good = json.dumps({"prompt": "a", "completion": "b"}) + "\n"
        self.failed("score", *MODEL, text=good + '{"prompt": "a"}\n', says=["standard input:2"])
        self.failed("score", *MODEL, text=good + "[1]\n", says=["standard input:2"])
        long = json.dumps({"prompt": "a", "completion": "b c " * 200}) + "\n"
        self.failed("score", *MODEL, text=good + long, says=["standard input:2", "128"])


class GenerateTest(command_case.CommandCase):
    def generate(self, prompts, *words):
        text = "".join(json.dumps({"id": p, "prompt": p}) + "\n" for p in prompts)
        lines = command_case.lines_of(self.done("generate", *MODEL, *words, text=text).stdout)
        self.assertEqual([line["id"] for line in lines], prompts)
        return [line["completions"] for line in lines]

    def test_greedy_log_probs_are_those_of_score(self):
        prompts = ["they ", "my ", "I "]
        for prompt, (answer,) in zip(prompts, self.generate(prompts, "--max_new_tokens", 12)):
            row = json.dumps({"prompt": prompt, "completion": answer["text"]}) + "\n"
            scored = json.loads(self.done("score", *MODEL, text=row).stdout)
            self.assertEqual((answer["finish_reason"], scored["tokens"]), ("length", 12))
            self.assertAlmostEqual(scored["sum_logprob"], answer["sum_logprob"], 3)

    def test_samples_differ_and_a_seed_repeats_them(self):
        words = ("--num_return_sequences", 4, "--temperature", 1.0, "--max_new_tokens", 16)
        first = self.generate(["the "], *words, "--seed", 1)
        again = self.generate(["the "], *words, "--seed", 1)
        other = self.generate(["the "], *words, "--seed", 2)
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)
        self.assertEqual(len({answer["text"] for answer in first[0]}), 4)

    def test_more_than_one_answer_without_sampling_is_warned_of(self):
        warning = "--num_return_sequences without --do_sample"
        flags = ("generate", *MODEL, "--prompt", "the ", "--max_new_tokens", 3)
        for more, warned in ((("--num_return_sequences", 2), True), ((), False),
                             (("--num_return_sequences", 2, "--do_sample"), False),
                             (("--num_return_sequences", 2, "--temperature", 1), False),
                             (("--num_return_sequences", 2, "--temperature", 0), True)):
            self.assertEqual(warning in self.done(*flags, *more).stderr, warned, more)

    def test_the_limit_is_said(self):
        (answer,), = self.generate(["the "], "--max_new_tokens", 3)
        self.assertIn((answer["finish_reason"], answer["tokens"]), [("length", 3), ("stop", 2)])

    def test_a_stop_string_ends_the_answer(self):
        (whole,), = self.generate(["A"], "--max_new_tokens", 16)
        stop = whole["text"][-3:-1]
        (cut,), = self.generate(["A"], "--max_new_tokens", 16, "--stop_strings", stop)
        self.assertEqual(cut["finish_reason"], "stop")
        self.assertEqual(cut["text"], whole["text"][:whole["text"].index(stop)])

    def test_a_stop_token_ends_the_answer(self):
        (whole,), = self.generate(["A"], "--max_new_tokens", 16)
        ids = self.done("tokenize", *MODEL, text=json.dumps({"text": "A" + whole["text"]})).stdout
        stop, other = json.loads(ids)["ids"][3], 28
        for words in ((f"{stop},{other}",), (other, stop)):
            (cut,), = self.generate(["A"], "--max_new_tokens", 16, "--stop_token_ids", *words)
            self.assertEqual(cut["finish_reason"], "stop")
            self.assertEqual(cut["tokens"], 3)
            self.assertTrue(whole["text"].startswith(cut["text"]))
        self.wrong_use("generate", *MODEL, "--prompt", "A", "--stop_token_ids", "z",
                       says=["stop_token_ids must be a list of whole numbers from 0, found \"z\""])

    def test_streaming_says_the_same(self):
        (whole,), = self.generate(["the "], "--max_new_tokens", 24)
        streamed = self.done("generate", *MODEL, "--prompt", "the ", "--stream",
                             "--max_new_tokens", 24).stdout
        self.assertEqual(streamed, whole["text"] + "\n")

    def test_messages_go_through_the_chat_template(self):
        template = self.write("chat.jinja", command_case.CHAT_TEMPLATE)
        row = json.dumps({"messages": [{"role": "user", "content": "hey"}]}) + "\n"
        words = ("generate", *MODEL, "--max_new_tokens", 8)
        chat = self.done(*words, "--chat_template_path", template, text=row).stdout
        plain = self.done(*words, text=json.dumps({"prompt": "u:hey</s>a:"}) + "\n").stdout
        self.assertEqual(json.loads(chat)["completions"][0]["text"],
                         json.loads(plain)["completions"][0]["text"])
        self.failed(*words, text=row, says=["standard input:1", "chat template"])

    def test_odd_rows_are_named_and_no_file_is_left(self):
        output = self.path("out.jsonl")
        words = ("generate", *MODEL, "--output", output)
        self.failed(*words, text='{"promt": "a"}\n', says=["standard input:1", '"prompt"'])
        self.failed(*words, text='{"prompt": "a"}\n\n{"prompt": 3}\n', says=["standard input:3"])
        long = json.dumps({"prompt": "a b " * 200})
        self.failed(*words, text=long, says=["standard input:1", "128"])
        self.wrong_use("generate", *MODEL, "--stream", text='{"prompt": "a"}\n' * 2,
                       says=["--stream answers one prompt, found 2"])
        self.wrong_use(*words, "--stream", text='{"prompt": "a"}\n',
                       says=["--stream and --output exclude each other"])
        self.assertEqual(os.listdir(self.directory.name), [])


class ProgressTest(command_case.CommandCase):
    """Rows are counted: on a terminal by a line that is redrawn, else by a line at each tenth."""

    def rows(self, count):
        return self.write_rows("in.jsonl", [{"prompt": "the ", "completion": "year"}] * count)

    def test_plain_lines_of_a_long_input(self):
        out = self.path("out.jsonl")
        said = self.done("score", *MODEL, "--data", self.rows(200), "--output", out).stderr
        told = [line for line in said.splitlines() if line.endswith("of 200 rows")]
        self.assertEqual(told, [f"attune: {n} of 200 rows" for n in range(20, 201, 20)])
        said = self.done("score", *MODEL, "--data", self.rows(99), "--output", out).stderr
        self.assertNotIn("of 99 rows", said)

    def test_a_line_on_a_terminal(self):
        reader, writer = pty.openpty()
        try:
            words = ["generate", *map(str, MODEL), "--max_new_tokens", "2", "--data",
                     str(self.rows(4))]
            result = subprocess.run([str(programs.BIN / "attune"), *words], stderr=writer,
                                    stdout=subprocess.PIPE, text=True, check=False,
                                    timeout=240)
            os.close(writer)
            writer = None
            shown = os.read(reader, 1 << 16).decode()
        finally:
            os.close(reader)
            if writer is not None:
                os.close(writer)
        self.assertEqual(result.returncode, 0, shown)
        self.assertEqual(len(result.stdout.splitlines()), 4)
        self.assertEqual(re.findall(r"\[[#.]+\] \d/4 rows", shown),
                         [f"[{'#' * 6 * n}{'.' * 6 * (4 - n)}] {n}/4 rows" for n in (1, 2, 3)])
        self.assertTrue(shown.endswith("\r\x1b[K"), shown)  # nothing of it stays


class ChatTest(command_case.CommandCase):
    def chat(self, text, *words):
        template = self.write("chat.jinja", command_case.CHAT_TEMPLATE)
        return self.done("chat", *MODEL, "--chat_template_path", template, "--max_new_tokens", 6,
                         *words, text=text).stdout

    def test_a_conversation_is_remembered_and_new_starts_over(self):
        once = self.chat("hey you\n")
        self.assertTrue(once.endswith("\n"))
        self.assertEqual(self.chat("hey you\n/new\nhey you\n"), once + once)
        self.assertNotEqual(self.chat("hey you\nhey you\n"), once + once)

    def test_quit_and_the_end_of_input_leave(self):
        self.assertEqual(self.chat("/quit\nhey you\n"), "")
        self.assertEqual(self.chat(""), "")
        self.assertEqual(self.chat("\n\n"), "")

    def test_a_conversation_goes_on_from_one_answer(self):
        self.wrong_use("chat", *MODEL, "--num_return_sequences", 2, text="hey\n",
                       says=['unknown option "num_return_sequences"'])

    def test_a_message_that_does_not_fit_fails_a_script(self):
        template = self.write("chat.jinja", command_case.CHAT_TEMPLATE)
        self.failed("chat", *MODEL, "--chat_template_path", template, text="a b " * 200 + "\n",
                    says=["128"])


if __name__ == "__main__":
    unittest.main()
