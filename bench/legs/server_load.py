"""A feedback server and its load, as one leg: server_load.py RECORDS BYTES.

Starts `attune serve` on a new data directory, stores the records over HTTP, checks counts and hits, then
measures export, search, annotators at work and submits at open throttle. The last line of output has the
figures of all stages."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build" / "release" / "bin"
os.environ["ATTUNE_BIN_DIR"] = str(BIN)
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from feedback_server import FeedbackServer  # noqa: E402

PEOPLE = 200
OPEN_THROTTLE_PEOPLE = 64
PER_SECOND = 200


def require(server, method, path, body=None, headers=None):
    status, answer = server.call(method, path, body, headers=headers)
    if status >= 300:
        raise SystemExit(f"{method} {path}: {status} {answer}")
    return answer


def new_dataset(server):
    workspace = require(server, "GET", "/api/v1/me/workspaces")["items"][0]["id"]
    dataset = require(server, "POST", "/api/v1/datasets",
                      {"name": "load", "workspace_id": workspace})["id"]
    path = f"/api/v1/datasets/{dataset}"
    require(server, "POST", f"{path}/fields", {
        "name": "prompt", "title": "Prompt", "required": True, "settings": {"type": "text"}})
    require(server, "POST", f"{path}/questions", {
        "name": "quality", "title": "Quality", "required": True, "settings": {
            "type": "label_selection", "options": [{"value": "good", "text": "Good"},
                                                   {"value": "bad", "text": "Bad"}]}})
    require(server, "POST", f"{path}/questions", {
        "name": "note", "title": "Note", "required": False, "settings": {"type": "text"}})
    require(server, "POST", f"{path}/metadata-properties", {
        "name": "source", "title": "Source", "settings": {"type": "terms"}})
    require(server, "PUT", f"{path}/publish")
    return workspace, dataset


def new_people(server, workspace, count):
    """API keys of people who may answer."""
    keys = []
    for number in range(count):
        person = require(server, "POST", "/api/v1/users", {
            "first_name": f"P{number}", "username": f"person-{number}", "password": "12345678"})
        require(server, "POST", f"/api/v1/workspaces/{workspace}/users", {"user_id": person["id"]})
        keys.append(person["api_key"])
    return keys


class Load:
    def __init__(self, server, dataset, keys, records, size):
        self.figures = {"records": records, "bytes": size}
        self.settings = {"port": int(server.url.rsplit(":", 1)[1]), "server_pid": server.process.pid,
                         "dataset": dataset, "records": records, "bytes": size}
        self.admin, self.people = server.key, keys

    def stage(self, name, keys=None, **settings):
        words = {**self.settings, "keys": keys or [self.admin], **settings}
        done = subprocess.run([BIN / "server_bench", name, json.dumps(words)], text=True,
                              stdout=subprocess.PIPE)
        if done.returncode != 0:
            raise SystemExit(f"{name} failed")
        figures = json.loads(done.stdout)
        print(name, json.dumps(figures), flush=True)
        for key, value in figures.items():
            self.figures[f"{name}.{key}"] = value


def measure(records, size):
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        data = pathlib.Path(folder, "data")
        with FeedbackServer(data_dir=data) as server:
            workspace, dataset = new_dataset(server)
            keys = new_people(server, workspace, PEOPLE)
            load = Load(server, dataset, keys, records, size)
            ids = str(pathlib.Path(folder, "ids"))
            load.stage("import", connections=2, per_call=500, ids=ids)
            load.stage("count")
            load.stage("export")
            load.stage("search", searches=600)
            load.stage("annotate", keys=keys, seconds=30, per_second=PER_SECOND)
            load.stage("submit", keys=keys[:OPEN_THROTTLE_PEOPLE], seconds=15, ids=ids)
            progress = require(server, "GET", f"/api/v1/datasets/{dataset}/progress")
            submitted = load.figures["submit.submits"] + load.figures["annotate.submits"]
            if (progress["total"], progress["completed"]) != (records, submitted):
                raise SystemExit(f"{progress} after {submitted} submits")
        return load.figures


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
