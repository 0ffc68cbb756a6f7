"""Cases of requests and answers as text.

    # What the case is about.
    as owner                                  who asks: owner, nobody, or a $name that holds a key
    POST /api/v1/workspaces {"name": "team"}
    201 {"id": "$team", "name": "team", "inserted_at": "@t", "updated_at": "@t"}
    GET /api/v1/workspaces/$team/users
    200 {"items": []}

A request is a method, a path and, if it has one, its body, which may go on over indented lines; so
may the answer behind its status. An answer without a body is a status alone. In texts of an expected
answer: "$name" holds what comes, and the same from then on; "@name" is a time, and the same from then
on; "*" is anything. A member "..." of an object allows further members; `"...", ` at the end of a list
allows further items. `$name` in requests and within texts stands for what it holds; "$new" is a new
UUID each time it is read in a request, "$unknown" one for the whole case. `header NAME: VALUE` goes
with the next request only.
"""

import json
import re
import uuid

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")
NAME = re.compile(r"\$([a-z][a-z0-9_]*)")


class Mismatch(AssertionError):
    pass


class Step:
    def __init__(self, line, who, headers, method, path, body):
        self.line, self.who, self.headers = line, who, headers
        self.method, self.path, self.body = method, path, body
        self.status, self.answer, self.has_answer = None, None, False


def joined_lines(text):
    """(number, line), with indented lines joined to the line before them."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] in " \t" and found:
            found[-1][1] += " " + line.strip()
        else:
            found.append([number, line.strip()])
    return found


def parse(text, name):
    steps, who, headers = [], "owner", {}
    for number, line in joined_lines(text):
        word, _, rest = line.partition(" ")
        try:
            if word == "as":
                who = rest.strip()
            elif word == "header":
                key, _, value = rest.partition(":")
                headers[key.strip()] = value.strip()
            elif word in METHODS:
                path, _, body = rest.partition(" ")
                steps.append(Step(number, who, headers, word, path, body.strip() or None))
                headers = {}
            elif word.isdigit():
                step = steps[-1]
                if step.status is not None:
                    raise ValueError("two answers to one request")
                step.status = int(word)
                step.has_answer = bool(rest.strip())
                step.answer = json.loads(rest) if step.has_answer else None
            else:
                raise ValueError(f"`{word}` begins no line of a case")
        except (ValueError, IndexError) as error:
            raise ValueError(f"{name}:{number}: {error}") from error
    for step in steps:
        if step.status is None:
            raise ValueError(f"{name}:{step.line}: a request without an answer")
    return steps


class Runner:
    """Runs the steps of one case; what its names hold is kept in `held`."""

    def __init__(self, server):
        self.server = server
        self.held = {"unknown": str(uuid.uuid4())}

    def fill(self, text):
        def value(match):
            name = match.group(1)
            if name == "new":
                return str(uuid.uuid4())
            if name not in self.held:
                raise Mismatch(f"${name} holds nothing yet")
            return str(self.held[name])
        return NAME.sub(value, text)

    def key(self, who):
        if who == "nobody":
            return None
        return self.server.key if who == "owner" else self.fill(who)

    def run(self, steps):
        for step in steps:
            where = f"line {step.line}: {step.method} {step.path}"
            try:
                self.run_step(step)
            except Mismatch as error:
                raise Mismatch(f"{where}: {error}") from None

    def run_step(self, step):
        headers = {name: self.fill(value) for name, value in step.headers.items()}
        key = self.key(step.who)
        if key is not None:
            headers.setdefault("X-Argilla-Api-Key", key)
        body = None
        if step.body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = self.fill(step.body).encode()
        response = self.server.request(step.method, self.fill(step.path), body, headers)
        if response.status != step.status:
            raise Mismatch(f"{response.status} instead of {step.status}: {response.text}")
        if not step.has_answer:
            if response.text and step.status == 204:
                raise Mismatch(f"a body with 204: {response.text}")
            return
        self.compare(step.answer, json.loads(response.text), "answer")

    def compare(self, expected, found, where):
        if expected == "*":
            return
        if isinstance(expected, dict) and isinstance(found, dict):
            self.compare_objects(expected, found, where)
        elif isinstance(expected, list) and isinstance(found, list):
            self.compare_lists(expected, found, where)
        elif isinstance(expected, str):
            self.compare_texts(expected, found, where)
        elif type(expected) is not type(found) and not self.both_numbers(expected, found) \
                or expected != found:
            raise Mismatch(f"{where} is {json.dumps(found)}, not {json.dumps(expected)}")

    @staticmethod
    def both_numbers(a, b):
        return all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (a, b))

    def compare_objects(self, expected, found, where):
        for name, value in expected.items():
            if name == "...":
                continue
            if name not in found:
                raise Mismatch(f"{where} has no `{name}`: {json.dumps(found)}")
            self.compare(value, found[name], f"{where}.{name}")
        further = set(found) - set(expected)
        if further and "..." not in expected:
            raise Mismatch(f"{where} also has {sorted(further)}")

    def compare_lists(self, expected, found, where):
        more = expected[-1:] == ["..."]
        wanted = expected[:-1] if more else expected
        if len(found) < len(wanted) or not more and len(found) != len(wanted):
            raise Mismatch(f"{where} has {len(found)} items, not {len(wanted)}: "
                           f"{json.dumps(found)}")
        for index, value in enumerate(wanted):
            self.compare(value, found[index], f"{where}[{index}]")

    def compare_texts(self, expected, found, where):
        name = NAME.fullmatch(expected)
        held = name.group(1) if name else expected if re.fullmatch(r"@\w+", expected) else None
        if held is not None and held not in self.held:
            if expected[0] == "@" and not (isinstance(found, str) and TIME.fullmatch(found)):
                raise Mismatch(f"{where} is {json.dumps(found)}, no time")
            if found is None or found == "":
                raise Mismatch(f"{where} is {json.dumps(found)}: nothing to hold as {expected}")
            self.held[held] = found
            return
        wanted = self.held[held] if held is not None else self.fill(expected)
        if wanted != found:
            raise Mismatch(f"{where} is {json.dumps(found)}, not {json.dumps(wanted)}")
