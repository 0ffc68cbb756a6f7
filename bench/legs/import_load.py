"""`attune import` straight into the data base of a feedback server, as one leg: import_load.py RECORDS BYTES now|later.

Makes a data set on a new data directory, stops its server, and imports rows of the given length, their words indexed as
they come (`now`) or after the last (`later`, --defer_index). A server on the data then has to find what it must by words."""

import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from server_load import BIN, ROOT, FeedbackServer, require

STORED = "are stored; their words are indexed now"


def new_dataset(server):
    workspace = require(server, "GET", "/api/v1/me/workspaces")["items"][0]
    dataset = require(server, "POST", "/api/v1/datasets",
                      {"name": "load", "workspace_id": workspace["id"]})["id"]
    path = f"/api/v1/datasets/{dataset}"
    require(server, "POST", f"{path}/fields", {
        "name": "prompt", "title": "Prompt", "required": True, "settings": {"type": "text"}})
    require(server, "POST", f"{path}/questions", {
        "name": "response", "title": "Response", "required": True, "settings": {"type": "text"}})
    require(server, "POST", f"{path}/metadata-properties", {
        "name": "licence", "title": "Licence", "settings": {"type": "terms"}})
    require(server, "PUT", f"{path}/publish")
    return workspace["name"], dataset


def client(stage, **settings):
    done = subprocess.run([BIN / "server_bench", stage, json.dumps(settings)])
    if done.returncode != 0:
        raise SystemExit(f"{stage} failed")


def imported(data, workspace, rows, later):
    """Seconds until all rows are stored, and until the end."""
    words = [BIN / "attune", "import", "--data", rows, "--data_dir", data, "--dataset",
             f"{workspace}/load", "--defer_index", str(later).lower()]
    begin = time.monotonic()
    stored = None
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            print(line, end="", flush=True)
            if STORED in line:
                stored = time.monotonic() - begin
    if process.returncode != 0:
        raise SystemExit("the import failed")
    end = time.monotonic() - begin
    return stored or end, end


def check(server, dataset, records):
    """Of `c7`, every 100th record holds one; all are there."""
    question = {"query": {"text": {"q": "c7"}}}
    found = require(server, "POST", f"/api/v1/datasets/{dataset}/records/search", question)["total"]
    progress = require(server, "GET", f"/api/v1/datasets/{dataset}/progress")
    if (found, progress["total"]) != (len(range(7, records, 100)), records):
        raise SystemExit(f"{found} hits of {progress}")


def measure(records, size, kind):
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        data, rows = pathlib.Path(folder, "data"), str(pathlib.Path(folder, "rows.jsonl"))
        client("rows", records=records, bytes=size, rows=rows)
        with FeedbackServer(data_dir=data) as server:
            workspace, dataset = new_dataset(server)
        stored, end = imported(data, workspace, rows, kind == "later")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        with FeedbackServer(data_dir=data) as server:
            check(server, dataset, records)
    return {"records": records, "bytes": size, f"{kind}.stored_per_s": records / stored,
            f"{kind}.records_per_s": records / end, f"{kind}.seconds": end,
            f"{kind}.peak_mib": peak}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
