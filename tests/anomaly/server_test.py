"""kill -9 of the whole server while clients write, again and again: what was acknowledged is there, once;
what was not is there whole or not at all; words, filters and counts agree at once. On SQLite, and on
PostgreSQL, which dies with the server as if the machine had failed."""

import json
import os
import pathlib
import random
import signal
import tempfile
import threading
import unittest

import postgres_cluster
from feedback_server import FeedbackServer
from ledger_client import Client, Trigger

FULL = os.environ.get("ATTUNE_TEST_TIER") == "full"
CLIENTS = 6


def new_dataset(server):
    def post(path, body, status=201):
        found, answer = server.call("POST", path, body)
        assert found == status, answer
        return answer

    workspace = server.call("GET", "/api/v1/me/workspaces")[1]["items"][0]["id"]
    dataset = post("/api/v1/datasets", {"name": "kept", "workspace_id": workspace})["id"]
    path = f"/api/v1/datasets/{dataset}"
    post(f"{path}/fields", {"name": "text", "title": "Text", "required": True,
                            "settings": {"type": "text"}})
    post(f"{path}/questions", {"name": "note", "title": "Note", "required": True,
                               "settings": {"type": "text"}})
    assert server.call("PUT", f"{path}/publish")[0] == 200
    return dataset


class Killed(unittest.TestCase):
    def run_rounds(self, rounds, database_url=None, machine_fails=lambda: None):
        chance = random.Random(7)
        clients = [Client(number, random.Random(number)) for number in range(CLIENTS)]
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder, "data")
            dataset = None
            for turn in range(rounds):
                server = FeedbackServer(data_dir=data, database_url=database_url).start()
                try:
                    dataset = dataset or new_dataset(server)
                    self.check(server, dataset, clients)
                    phase = chance.choice(["sent", "answered"])
                    count = 0 if turn % 8 == 7 else 1 + chance.randrange(160)
                    self.work(server, dataset, clients, Trigger(server, phase, count))
                finally:
                    self.assertEqual(-signal.SIGKILL, server.stop(signal.SIGKILL))
                    server.log.close()
                machine_fails()
            with FeedbackServer(data_dir=data, database_url=database_url) as server:
                self.check(server, dataset, clients)
        self.assertGreater(sum(len(client.answers) for client in clients), 10 * rounds)

    def work(self, server, dataset, clients, trigger):
        failures = []

        def run(client):
            try:
                client.work()
            except AssertionError as error:
                failures.append(error)
                server.process.kill()

        for client in clients:
            client.begin(server, dataset, trigger)
        threads = [threading.Thread(target=run, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)

    def check(self, server, dataset, clients):
        """Against what the clients were told, before anyone repeats a request."""
        answer = server.request("GET", f"/api/attune/v1/datasets/{dataset}/export",
                                headers={"X-Argilla-Api-Key": server.key})
        lines = [json.loads(line) for line in answer.text.splitlines()]
        stored = {line["external_id"]: line for line in lines}
        self.assertEqual(len(lines), len(stored), "a record is there twice")
        known = set()
        for client in clients:
            known |= self.check_records(client, stored)
            self.check_answers(client, stored)
        self.assertEqual(known, set(stored), "records that nobody sent")
        self.check_search(server, dataset, clients, stored)
        for client in clients:
            self.check_history(server, client)

    def check_records(self, client, stored):
        """Gives the names of those that are there by right."""
        for name, record in client.records.items():
            self.assertIn(name, stored, "an acknowledged record is lost")
            self.assertEqual(record, stored[name]["id"])
            self.assertEqual(f"everyword {name}", stored[name]["fields"]["text"])
        known = set(client.records)
        if client.unanswered and client.unanswered[0] == "store":
            batch = set(client.unanswered[1])
            self.assertIn(len(batch & set(stored)), (0, len(batch)), "half a batch")
            known |= batch & set(stored)
        return known

    def check_answers(self, client, stored):
        by_record = {stored[name]["id"]: stored[name] for name in client.records}
        answered = {answer.record for answer in client.answers.values()}
        for response, answer in client.answers.items():
            found = by_record[answer.record]["responses"]
            self.assertEqual([response], [one["id"] for one in found], "lost or doubled")
            value = found[0]["values"]["note"]["value"]
            self.assertIn(value, {answer.value, answer.asked}, "an older answer came back")
        for record, line in by_record.items():
            expected = [("submitted", client.unanswered[2])] if client.unanswered and (
                client.unanswered[:2] == ("answer", record)) else []
            found = [(one["status"], one["values"]["note"]["value"]) for one in line["responses"]]
            if record not in answered and found:
                self.assertEqual(expected, found, "an answer that nobody gave")
            self.assertEqual("completed" if found else "pending", line["status"])

    def check_history(self, server, client):
        for response in dict.fromkeys(client.touched):
            answer = client.answers[response]
            status, history = server.call("GET",
                                          f"/api/attune/v1/responses/{response}/history")
            self.assertEqual(200, status)
            entries = len(history["items"])
            self.assertLessEqual(answer.least, entries, "a change is lost")
            self.assertLessEqual(entries, answer.most + answer.tries, "a change twice")
            if answer.asked is None:
                answer.least = answer.most = entries

    def check_search(self, server, dataset, clients, stored):
        def search(body):
            status, found = server.call("POST", f"/api/v1/datasets/{dataset}/records/search", body)
            self.assertEqual(200, status, found)
            return found["total"], [item["record"]["external_id"] for item in found["items"]]

        def words(text):
            return search({"query": {"text": {"q": text}}})

        answered = sum(bool(line["responses"]) for line in stored.values())
        self.assertEqual(len(stored), words("everyword")[0])
        for client in clients:
            for name in list(client.records)[-3:]:
                self.assertEqual((1, [name]), words(name))
        progress = server.call("GET", f"/api/v1/datasets/{dataset}/progress")[1]
        self.assertEqual((len(stored), answered), (progress["total"], progress["completed"]))
        submitted = {"type": "terms", "scope": {"entity": "response", "property": "status"},
                     "values": ["submitted"]}
        self.assertEqual(answered, search({"filters": {"and": [submitted]}})[0])

    def test_on_sqlite(self):
        self.run_rounds(60 if FULL else 10)

    @unittest.skipIf(postgres_cluster.programs() is None, "PostgreSQL is not installed")
    def test_on_postgres(self):
        with postgres_cluster.PostgresCluster() as cluster:
            def machine_fails():
                cluster.kill()
                cluster.start()

            self.run_rounds(30 if FULL else 5, cluster.new_database(), machine_fails)


if __name__ == "__main__":
    unittest.main()
