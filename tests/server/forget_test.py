"""attune forget and attune backup, on a server that runs and on the data of one that does not."""

import json
import pathlib
import sqlite3
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import feedback_server
import programs

SECRET = "swordfish"


class ForgetTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = self.folder / "data"
        self.server = feedback_server.FeedbackServer(data_dir=self.data).start()
        self.addCleanup(self.server.stop)
        self.env = {"ATTUNE_API_KEY": self.server.key}
        self.make_dataset()

    def call(self, method, path, body=None, key=feedback_server.DEV_KEY):
        status, answer = self.server.call(method, path, body, key)
        self.assertIn(status, (200, 201, 204), (path, answer))
        return answer

    def make_dataset(self):
        workspace = self.call("GET", "/api/v1/me/workspaces")["items"][0]["id"]
        dataset = self.call("POST", "/api/v1/datasets", {"name": "d", "workspace_id": workspace})
        path = self.dataset = f"/api/v1/datasets/{dataset['id']}"
        plain = {"type": "text", "use_markdown": False}
        for kind, name in (("fields", "prompt"), ("questions", "answer")):
            self.call("POST", f"{path}/{kind}", {"name": name, "title": name, "required": True,
                                                 "settings": plain})
        self.call("PUT", f"{path}/publish")
        ann = self.call("POST", "/api/v1/users", {"username": "ann", "first_name": "ann",
                                                  "password": "12345678"})
        answer = {"user_id": ann["id"], "status": "submitted",
                  "values": {"answer": {"value": SECRET}}}
        made = self.call("PUT", f"{path}/records/bulk", {"items": [
            {"external_id": "x1", "fields": {"prompt": f"about a {SECRET}"}, "responses": [answer]},
            {"fields": {"prompt": "another"}}]})
        self.records = [one["id"] for one in made["items"]]
        self.call("POST", f"/api/attune/v1/datasets/{dataset['id']}/snapshots", {"name": "v1"})

    def attune(self, *words, code=0):
        done = programs.attune(*words, env=self.env)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def run_directory(self):
        """A run as training leaves it, which read the record by its external id."""
        run = self.folder / "run"
        (run / "final").mkdir(parents=True)
        rows = run / "rows.jsonl"
        rows.write_text(json.dumps({"id": "x1", "prompt": "p", "annotator": "ann"}) + "\n")
        (run / "lineage.json").write_text(json.dumps({"train_files": [{"path": str(rows)}]}))
        return run

    def texts(self):
        """Everything that the data base of the server that was stopped holds as text."""
        with sqlite3.connect(self.data / "attune.db") as base:
            return "\n".join(base.iterdump())

    def test_a_record_at_a_running_server(self):
        run = self.run_directory()
        words = ("forget", "--dataset", f"{self.server.url}/argilla/d", "--record",
                 self.records[0], "--runs", run)
        self.assertIn("--yes", self.attune(*words, code=2).stderr)
        done = self.attune(*words, "--yes").stdout
        counts = json.loads(done.splitlines()[0])
        self.assertEqual((counts["records"], counts["answers"], counts["snapshot_rows"]), (1, 1, 1))
        self.assertIn(f"checkpoint {run / 'final'}", done)
        self.assertIn("still holds it", done)
        self.assertEqual(self.server.stop(), 0)
        self.assertNotIn(SECRET, self.texts())

    def delete_record(self):
        """It had another name when it was exported, and is forgotten by its id after that."""
        renamed = {"id": self.records[0], "external_id": "x2", "fields": {"prompt": "p"}}
        self.call("PUT", f"{self.dataset}/records/bulk", {"items": [renamed]})
        self.call("DELETE", f"/api/v1/records/{self.records[0]}")

    def test_a_record_that_was_deleted(self):
        run = self.run_directory()
        self.delete_record()
        words = ("forget", "--dataset", f"{self.server.url}/argilla/d", "--record",
                 self.records[0], "--runs", run, "--yes")
        done = self.attune(*words).stdout
        self.assertEqual(json.loads(done.splitlines()[0])["records"], 0)
        self.assertIn(f"checkpoint {run / 'final'}", done)
        # Its names are forgotten too: a second time there is none to look for.
        self.assertNotIn("checkpoint", self.attune(*words).stdout)

    def test_a_record_that_was_deleted_in_the_data_of_a_server_that_does_not_run(self):
        run = self.run_directory()
        self.delete_record()
        self.assertEqual(self.server.stop(), 0)
        done = self.attune("forget", "--data_dir", self.data, "--dataset", "argilla/d", "--record",
                           self.records[0], "--runs", run, "--yes").stdout
        self.assertIn(f"checkpoint {run / 'final'}", done)

    def test_a_person_at_a_running_server(self):
        done = self.attune("forget", "--server", self.server.url, "--person", "ann", "--yes")
        self.assertEqual(json.loads(done.stdout)["answers"], 1)
        missing = self.attune("forget", "--server", self.server.url, "--person", "nobody", "--yes",
                              code=1)
        self.assertIn("nobody named nobody", missing.stderr)

    def test_a_person_who_was_deleted(self):
        users = self.call("GET", "/api/v1/users")["items"]
        ann = next(user["id"] for user in users if user["username"] == "ann")
        self.call("DELETE", f"/api/v1/users/{ann}")
        mistyped = ann[:-4] + ("0000" if ann[-4:] != "0000" else "1111")
        at_server = ("forget", "--server", self.server.url, "--yes", "--person")
        self.assertIn(mistyped, self.attune(*at_server, mistyped, code=1).stderr)
        self.assertIn("named by their id", self.attune(*at_server, "ann", code=1).stderr)
        self.assertEqual(json.loads(self.attune(*at_server, ann).stdout)["answers"], 1)
        log = self.call("GET", "/api/attune/v1/audit?action=user.forget")["items"]
        self.assertEqual([one["subject"] for one in log], [ann])
        self.assertEqual(self.server.stop(), 0)
        here = ("forget", "--data_dir", self.data, "--yes", "--person")
        self.assertIn(mistyped, self.attune(*here, mistyped, code=1).stderr)
        self.assertEqual(json.loads(self.attune(*here, ann).stdout)["answers"], 1)

    def test_in_the_data_of_a_server_that_does_not_run(self):
        words = ("forget", "--data_dir", self.data, "--person", "ann", "--yes")
        self.assertIn("serves this data directory", self.attune(*words, code=1).stderr)
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(json.loads(self.attune(*words).stdout)["answers"], 1)
        record = ("forget", "--data_dir", self.data, "--dataset", "argilla/d", "--yes", "--record")
        self.attune(*record, "5f7cf1d1-2ab0-4bd4-b1a3-6b8a0a5c0000", code=1)
        self.assertEqual(json.loads(self.attune(*record, self.records[0]).stdout)["records"], 1)
        self.assertNotIn(SECRET, self.texts())

    def test_a_backup_is_made_while_the_server_works_and_serves_again(self):
        copy = self.folder / "copy"
        copy.mkdir()
        self.attune("backup", "--data_dir", self.data, "--output", copy / "attune.db")
        with feedback_server.FeedbackServer(data_dir=copy) as again:
            status, found = again.call("GET", f"/api/v1/records/{self.records[0]}")
            self.assertEqual((status, found["external_id"]), (200, "x1"))
        self.assertIn("no data of a server",
                      self.attune("backup", "--data_dir", self.folder / "none", "--output",
                                  self.folder / "file", code=1).stderr)


if __name__ == "__main__":
    unittest.main()
