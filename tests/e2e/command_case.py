"""What tests of commands share: a directory, rows in files, the three ways a command ends."""

import json
import pathlib
import tempfile
import unittest

import programs

# A three-layer Llama with a tokenizer of 85 tokens, 128 positions and no chat template.
TINY = programs.ROOT / "tests" / "golden" / "train" / "tiny"
CHAT_TEMPLATE = ("{% for m in messages %}{{ m.role[0] ~ ':' ~ m.content ~ eos_token }}{% endfor %}"
                 "{% if add_generation_prompt %}a:{% endif %}")


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


class CommandCase(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def path(self, name):
        return pathlib.Path(self.directory.name, name)

    def write(self, name, text):
        self.path(name).write_text(text, encoding="utf-8")
        return self.path(name)

    def write_rows(self, name, rows):
        return self.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    def done(self, *words, **settings):
        result = programs.attune(*words, **settings)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def ends_with(self, code, words, says, settings):
        result = programs.attune(*words, **settings)
        self.assertEqual(result.returncode, code, (words, result.stdout, result.stderr))
        errors = [line for line in result.stderr.splitlines() if ": error: " in line]
        self.assertTrue(errors, (words, result.stderr))
        for part in says:
            self.assertIn(part, "\n".join(errors), words)
        return result

    def wrong_use(self, *words, says=(), **settings):
        return self.ends_with(2, words, says, settings)

    def failed(self, *words, says=(), **settings):
        return self.ends_with(1, words, says, settings)


def children_of(pid):
    """Process ids whose parent is `pid`."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        fields = stat_of(entry.name)
        if fields and int(fields[1]) == pid:
            found.append(int(entry.name))
    return found


def stat_of(pid):
    """State, parent and the rest of a process, or nothing when it is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_running(pid):
    fields = stat_of(pid)
    return bool(fields) and fields[0] != "Z"
