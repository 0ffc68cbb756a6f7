"""Clients of a server that may die at any moment, and what each was told before it did."""

import http.client
import json
import threading
import urllib.parse

from feedback_server import DEV_KEY


class Trigger:
    """Kills a server once `count` requests were sent, or answered; with 0, when work begins."""

    def __init__(self, server, phase, count):
        self.server, self.phase, self.left = server, phase, count
        self.lock = threading.Lock()
        if count == 0:
            self.server.process.kill()

    def seen(self, phase):
        with self.lock:
            if phase != self.phase:
                return
            self.left -= 1
            if self.left == 0:
                self.server.process.kill()


class Gone(Exception):
    """The connection broke, or the answer says that nothing can be said: not acknowledged."""


class Answer:
    """A response as its client knows it: `value` was acknowledged, `asked` was not, however often it was
    sent (`tries`); its history has `least` to `most` entries, those for `asked` not counted."""

    def __init__(self, record, value):
        self.record, self.value, self.asked = record, value, None
        self.tries = 0
        self.least = self.most = 1

    def ask(self, value):
        self.asked = value
        self.tries += 1

    def acknowledged(self):
        self.value, self.asked = self.asked, None
        self.least += 1
        self.most += self.tries  # each of them may have been stored
        self.tries = 0


class Client:
    """Stores batches of records and answers them, noting what is acknowledged. `unanswered` is the one
    request that was under way when the server died: its repetition begins the next round."""

    BATCH = 3

    def __init__(self, number, random):
        self.number, self.random = number, random
        self.batches = self.values = 0
        self.records = {}   # external id: id
        self.answers = {}   # response id: Answer
        self.unanswered = None
        self.touched = []   # response ids of this round
        self.open = []      # records that wait for an answer

    def begin(self, server, dataset, trigger):
        self.address = urllib.parse.urlsplit(server.url)
        self.dataset, self.trigger, self.touched = dataset, trigger, []
        self.connection = http.client.HTTPConnection(self.address.hostname, self.address.port,
                                                     timeout=60)

    def work(self):
        """Until the server is gone."""
        try:
            if self.unanswered is not None:
                self.go_on(*self.unanswered, again=True)
            while True:
                self.go_on(*self.next_request())
        except (Gone, OSError, http.client.HTTPException):
            pass
        finally:
            self.connection.close()

    def next_request(self):
        if not self.open:
            self.batches += 1
            return "store", [f"c{self.number}b{self.batches}n{one}" for one in range(self.BATCH)], None
        self.values += 1
        value = f"v{self.number}x{self.values}"
        if self.touched and self.random.random() < 0.3:
            return "change", self.random.choice(self.touched), value
        return "answer", self.open[-1], value

    def go_on(self, kind, subject, value, again=False):
        self.unanswered = (kind, subject, value)
        getattr(self, kind)(subject, value, again)
        self.unanswered = None

    def store(self, names, _value, _again):
        items = [{"external_id": name, "fields": {"text": f"everyword {name}"}} for name in names]
        _, made = self.ask("PUT", f"/api/v1/datasets/{self.dataset}/records/bulk", {"items": items},
                           200)
        for name, record in zip(names, made["items"]):
            self.records[name] = record["id"]
            self.open.append(record["id"])

    def answer(self, record, value, again):
        body = {"status": "submitted", "values": {"note": {"value": value}}}
        status, made = self.ask("POST", f"/api/v1/records/{record}/responses", body, 201,
                                *([409] if again else []))
        if status == 409:  # it was stored, and the client not told
            made = self.ask("GET", f"/api/v1/records/{record}", None, 200)[1]["responses"][0]
            if made["values"]["note"]["value"] != value:
                raise AssertionError(f"{record} holds {made}, never asked for")
        self.open.remove(record)
        self.answers[made["id"]] = Answer(record, value)
        self.touched.append(made["id"])

    def change(self, response, value, _again):
        answer = self.answers[response]
        answer.ask(value)
        self.touched.append(response)
        self.ask("PUT", f"/api/v1/responses/{response}",
                 {"status": "submitted", "values": {"note": {"value": value}}}, 200)
        answer.acknowledged()

    def ask(self, method, path, body, *expected):
        self.connection.request(method, path, None if body is None else json.dumps(body).encode(),
                                {"X-Argilla-Api-Key": DEV_KEY, "Content-Type": "application/json"})
        self.trigger.seen("sent")
        response = self.connection.getresponse()
        text = response.read()
        if response.status >= 500:
            raise Gone
        if response.status not in expected:
            raise AssertionError(f"{method} {path}: {response.status} {text}")
        self.trigger.seen("answered")
        return response.status, json.loads(text)
