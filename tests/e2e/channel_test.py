"""The request channel between programs: `chat` and `generate --stream` go through it, and an engine
ends when its client does, however that happens."""

import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import programs

MODEL = programs.ROOT / "tests" / "golden" / "train" / "tiny"
TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
HELLO = {"protocol": "attune-channel", "version": 1, "program": "test"}
PATIENCE_S = 60
ENDLESS_TOKENS = 500_000  # take far longer than that


def long_request(number, tokens=100):
    """An answer of so many tokens, streamed."""
    return {"id": number, "kind": "generate", "prompt": "the", "max_new_tokens": tokens,
            "min_new_tokens": tokens, "stream": True}


def endless_model(directory):
    """The model with a context in which an endless answer has room."""
    folder = pathlib.Path(directory, "endless")
    shutil.copytree(MODEL, folder)
    config = json.loads((folder / "config.json").read_text())
    config["max_position_embeddings"] = 2 * ENDLESS_TOKENS
    (folder / "config.json").write_text(json.dumps(config))
    return folder


class Engine:
    """`attune-engine serve` and a client of our own."""

    def __init__(self, directory, model):
        path = os.path.join(directory, "socket")
        self.process = subprocess.Popen(
            [str(programs.BIN / "attune-engine"), "serve", "--socket", path,
             "--model_name_or_path", str(model), "--threads", "1"],
            stderr=subprocess.PIPE, text=True)
        self.socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + PATIENCE_S
        while self.socket.connect_ex(path) != 0:
            if time.monotonic() > deadline or self.ended_within(0.01):
                raise AssertionError("the engine does not listen")
        self.socket.settimeout(PATIENCE_S)
        self.lines = self.socket.makefile("r")

    def ended_within(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def send(self, line):
        text = line if isinstance(line, str) else json.dumps(line)
        self.socket.sendall(text.encode() + b"\n")

    def receive(self):
        return json.loads(self.lines.readline())

    def vanish(self):
        self.lines.close()
        self.socket.close()

    def close(self):
        self.vanish()
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


class ChannelTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def engine(self, model=MODEL):
        engine = Engine(self.directory.name, model)
        self.addCleanup(engine.close)
        return engine

    def test_stream_prints_the_text_that_generate_returns(self):
        flags = ["generate", "--model_name_or_path", MODEL, "--prompt", "user: a cat\n",
                 "--max_new_tokens", "40", "--min_new_tokens", "20"]
        plain = programs.attune(*flags)
        self.assertEqual(plain.returncode, 0, plain.stderr)
        text = json.loads(plain.stdout)["completions"][0]["text"]
        self.assertTrue(text.strip())
        streamed = programs.attune(*flags, "--stream")
        self.assertEqual(streamed.returncode, 0, streamed.stderr)
        self.assertEqual(streamed.stdout, text + "\n")

    def test_chat_answers_each_line_and_keeps_the_conversation(self):
        template = pathlib.Path(self.directory.name, "template.jinja")
        template.write_text(TEMPLATE)
        flags = ["--model_name_or_path", MODEL, "--chat_template_path", template,
                 "--max_new_tokens", "9", "--min_new_tokens", "9"]

        def answer(*turns):
            roles = ("user", "assistant", "user")
            messages = [{"role": role, "content": turn} for role, turn in zip(roles, turns)]
            row = json.dumps({"messages": messages}) + "\n"
            result = programs.attune("generate", *flags, text=row)
            self.assertEqual(result.returncode, 0, result.stderr)
            return json.loads(result.stdout)["completions"][0]["text"]

        first = answer("a cat")
        second = answer("a cat", first, "a dog")
        self.assertTrue(first.strip())
        self.assertNotEqual(second, answer("a dog"))
        both = programs.attune("chat", *flags, text="a cat\na dog\n")
        self.assertEqual(both.returncode, 0, both.stderr)
        self.assertEqual(both.stdout, f"{first}\n{second}\n")
        anew = programs.attune("chat", *flags, text="a cat\n/new\na cat\n/quit\nnot read\n")
        self.assertEqual(anew.stdout, f"{first}\n{first}\n")

    def test_an_engine_ends_when_its_client_vanishes_in_the_middle(self):
        engine = self.engine(endless_model(self.directory.name))
        self.assertEqual(engine.receive()["protocol"], "attune-channel")
        engine.send(HELLO)
        for number in range(200):  # more than it reads ahead
            engine.send(long_request(number, ENDLESS_TOKENS))
        self.assertEqual(engine.receive()["event"], "token")
        engine.vanish()
        self.assertTrue(engine.ended_within(PATIENCE_S), "the engine goes on for nobody")
        self.assertEqual(engine.process.returncode, 0)

    def test_garbage_is_answered_and_the_engine_goes_on(self):
        engine = self.engine()
        engine.receive()
        engine.send(HELLO)
        for line in ("no json", "[" * 5000, '{"id": 1}', '{"id": 1, "kind": "generate"}', ""):
            engine.send(line)
            self.assertEqual(engine.receive()["event"], "error", line)
        engine.socket.sendall(b"\xff\x00\xfe\n")
        self.assertEqual(engine.receive()["event"], "error")
        engine.send({**long_request(7), "stream": False})
        self.assertEqual(engine.receive()["event"], "done")
        engine.vanish()
        self.assertEqual(engine.process.wait(PATIENCE_S), 0)

    def test_a_stranger_is_told_why_and_refused(self):
        engine = self.engine()
        engine.receive()
        engine.send("GET / HTTP/1.1")
        self.assertIn("attune-channel", engine.receive()["message"])
        self.assertEqual(engine.lines.readline(), "")
        self.assertEqual(engine.process.wait(PATIENCE_S), 1)

    def test_a_killed_command_takes_its_engine_along(self):
        command = subprocess.Popen(
            [str(programs.BIN / "attune"), "generate", "--model_name_or_path", str(MODEL)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        rows = "".join(json.dumps({"id": i, "prompt": "the"}) + "\n" for i in range(500))
        command.stdin.write(rows)
        command.stdin.close()
        self.assertTrue(command.stdout.readline())
        children = pathlib.Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text()
        engine = os.pidfd_open(int(children))
        self.addCleanup(os.close, engine)
        command.send_signal(signal.SIGKILL)
        command.wait()
        command.stdout.close()
        ended, _, _ = select.select([engine], [], [], PATIENCE_S)
        self.assertTrue(ended, "the engine outlives its command")


if __name__ == "__main__":
    unittest.main()
