"""The circle through public interfaces: a model's answers go to a feedback server, people answer
over HTTP, what they said is exported, and a model is trained on it."""

import http.server
import json
import pathlib
import threading
import unittest

import command_case
import feedback_server
import programs

MODEL = ("--model_name_or_path", command_case.TINY)
WORDS = ["hey you", "they say", "a year", "the day", "yes", "no", "by the way", "my oh my"]
STEPS = ("--max_steps", 2, "--per_device_train_batch_size", 2, "--save_strategy", "no")
SOURCE = {"dataset": "words", "licence": "CC0-1.0", "generated_by": "tiny"}


class ServedCase(command_case.CommandCase):
    def setUp(self):
        super().setUp()
        self.server = feedback_server.FeedbackServer()
        self.server.start()
        self.addCleanup(self.server.__exit__, None, None, None)
        self.env = {"ATTUNE_API_KEY": self.server.key}
        self.people = {name: self.add_person(name) for name in ("ann", "bob")}

    def call(self, method, path, body=None, key=feedback_server.DEV_KEY, expect=(200, 201, 204)):
        status, answer = self.server.call(method, path, body, key)
        self.assertIn(status, expect, (method, path, answer))
        return answer

    def add_person(self, name):
        """The API key of a new annotator of the workspace `argilla`."""
        user = self.call("POST", "/api/v1/users", {"username": name, "first_name": name,
                                                   "role": "annotator", "password": "12345678"})
        workspace = self.call("GET", "/api/v1/me/workspaces")["items"][0]
        self.call("POST", f"/api/v1/workspaces/{workspace['id']}/users", {"user_id": user["id"]})
        return user["api_key"]

    def address(self, name):
        return f"{self.server.url}/argilla/{name}"

    def dataset(self, name):
        items = self.call("GET", "/api/v1/me/datasets")["items"]
        return next(one["id"] for one in items if one["name"] == name)

    def imported(self, name, rows):
        file = self.write_rows(f"{name}.jsonl", rows)
        self.done("import", "--data", file, "--dataset", self.address(name), env=self.env)
        return self.dataset(name)

    def search(self, dataset, key):
        path = f"/api/v1/me/datasets/{dataset}/records/search?include=suggestions"
        return self.call("POST", path, {}, key)["items"]


class StraightImportTest(ServedCase):
    def test_rows_go_straight_into_the_data_base_of_a_server_that_runs(self):
        rows = [{"prompt": f"{word}? everyword", "completion": word,
                 "source": {**SOURCE, "row": str(row)}} for row, word in enumerate(WORDS)]
        dataset = self.imported("straight", rows[:1])
        path = f"/api/v1/datasets/{dataset}/records/search"
        for count, later in ((len(rows) - 1, "false"), (len(rows), "true"), (len(rows), "true")):
            file = self.write_rows("more.jsonl", rows[:count])
            self.done("import", "--data", file, "--data_dir", self.server.data_dir, "--dataset",
                      "argilla/straight", "--defer_index", later)
            found = self.call("POST", path, {"query": {"text": {"q": "everyword"}}})
            self.assertEqual(found["total"], count)
        record = self.call("POST", path + "?include=suggestions", {})["items"][-1]["record"]
        self.assertEqual(record["fields"]["prompt"], rows[-1]["prompt"])
        self.assertEqual(record["suggestions"][0]["value"], WORDS[-1])

    def test_rows_without_names_of_two_files_both_stay(self):
        """Also through a file of examples, over HTTP and beside the server, and in each again."""
        monday, tuesday = (
            [{"instruction": f"{day} {i}", "input": "", "response": "x"} for i in range(3)]
            for day in ("monday", "tuesday"))
        files = [self.write_rows("monday.jsonl", monday), self.write_rows("tuesday.jsonl", tuesday)]
        converted = self.path("converted.jsonl")
        self.done("import", "--data", files[1], "--output", converted)
        places = [("--dataset", self.address("days")),
                  ("--data_dir", self.server.data_dir, "--dataset", "argilla/days")]
        for file, place, total in ((files[0], 0, 3), (files[1], 0, 6), (files[0], 1, 6),
                                   (converted, 1, 6), (converted, 0, 6), (files[1], 1, 6)):
            self.done("import", "--data", file, *places[place], env=self.env)
            prompts = sorted(item["record"]["fields"]["prompt"][0]["content"]
                             for item in self.search(self.dataset("days"), self.server.key))
            self.assertEqual(prompts, sorted(row["instruction"] for row in
                                             (monday + tuesday)[:total]))


class ExportTest(ServedCase):
    def setUp(self):
        super().setUp()
        self.imported("kept", [{"prompt": word, "completion": "x"} for word in WORDS])

    def export(self, output, dataset="kept"):
        return self.done("export", "--dataset", self.address(dataset), "--output", output,
                         env=self.env).stderr

    def test_a_file_keeps_its_rights_and_what_lies_beside_it(self):
        rows, beside = self.write("rows.jsonl", "old"), self.write("rows.jsonl.part", "mine")
        rows.chmod(0o600)
        self.assertIn("rows.jsonl holds http://", self.export(rows))
        self.assertEqual(len(command_case.lines_of(rows.read_text(encoding="utf-8"))), len(WORDS))
        self.assertEqual(rows.stat().st_mode & 0o777, 0o600)
        self.assertEqual(beside.read_text(), "mine")

    def test_an_export_that_is_refused_leaves_the_file_and_what_lies_beside_it(self):
        rows = self.write("rows.jsonl", "old")
        self.path("rows.jsonl.part").mkdir()
        self.write("rows.jsonl.part/mine", "mine")
        self.failed("export", "--dataset", self.address("kept"), "--output", rows,
                    "--status", "done", env=self.env, says=["query.status.0"])
        self.assertEqual(rows.read_text(), "old")
        self.assertEqual(self.path("rows.jsonl.part/mine").read_text(), "mine")

    def test_a_device_is_written_to(self):
        self.assertIn("kept: written to /dev/null", self.export("/dev/null"))

    def test_a_link_that_leads_nowhere_is_replaced(self):
        link = self.path("link.jsonl")
        link.symlink_to(self.path("nowhere.jsonl"))
        self.export(link)
        self.assertFalse(link.is_symlink())
        self.assertFalse(self.path("nowhere.jsonl").exists())


class AnsweredBy(http.server.BaseHTTPRequestHandler):
    """A server that stores what comes, but cannot say how far its data set is."""
    answers = {"me/workspaces": {"items": [{"name": "w", "id": "1"}]},
               "me/datasets": {"items": [{"name": "d", "id": "2"}]},
               "datasets/2/questions": {"items": [{"name": "response", "id": "3",
                                                   "settings": {"type": "text"}}]},
               "datasets/2/fields": {"items": [{"name": "prompt", "settings": {"type": "text"}}]},
               "datasets/2/records/bulk": {"items": []}}
    progress = b""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.removeprefix("/api/v1/").split("?")[0]
        known = path in self.answers
        body = json.dumps(self.answers[path]).encode() if known else self.progress
        self.send_response(200 if known or body else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_GET


class ImportTest(command_case.CommandCase):
    def test_a_total_that_cannot_be_had_does_not_make_an_import_fail(self):
        rows = self.write_rows("rows.jsonl", [{"prompt": "hey", "completion": "you"}])
        for progress in (b"", b"{", b"[]", b"{}", b'{"total": "many"}'):
            handler = type("Handler", (AnsweredBy,), {"progress": progress})
            with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
                threading.Thread(target=server.serve_forever, daemon=True).start()
                address = f"http://127.0.0.1:{server.server_port}/w/d"
                result = self.done("import", "--data", rows, "--dataset", address,
                                   env={"ATTUNE_API_KEY": "key"})
                server.shutdown()
            self.assertIn("1 records are on the server\n", result.stderr, progress)


@unittest.skipUnless(programs.HAS_ENGINE, programs.WITHOUT_ENGINE)
class CircleTest(ServedCase):
    def generated(self, count):
        """Answers of the tiny model: a list of texts for each of WORDS."""
        prompts = self.write_rows("prompts.jsonl",
                                  [{"id": word, "prompt": f"{word}? "} for word in WORDS])
        result = self.done("generate", *MODEL, "--data", prompts, "--max_new_tokens", 4,
                           "--num_return_sequences", count, "--do_sample", "true", "--seed", 7)
        # An answer that is empty, or the same as another, is nothing to choose from.
        return [[f"{one['text'].strip()} {'abc'[index]}"
                 for index, one in enumerate(line["completions"])]
                for line in command_case.lines_of(result.stdout)]

    def test_corrected_answers_become_instruction_data(self):
        rows = [{"prompt": f"{word}? ", "completion": texts[0],
                 "source": {**SOURCE, "row": str(row)}}
                for row, (word, texts) in enumerate(zip(WORDS, self.generated(1)))]
        dataset = self.imported("answers", rows)
        self.call("PATCH", f"/api/v1/datasets/{dataset}", {"guidelines": "Say it backwards."})
        for item in self.search(dataset, self.people["ann"]):
            record = item["record"]
            word = record["fields"]["prompt"][:-2]
            suggested = record["suggestions"][0]["value"]
            keeps = word == "yes"  # this one she leaves as the model wrote it
            self.call("POST", f"/api/v1/records/{record['id']}/responses",
                      {"status": "submitted",
                       "values": {"response": {"value": suggested if keeps else word[::-1]}}},
                      self.people["ann"])
        self.done("export", "--dataset", self.address("answers"), "--format", "trl_sft",
                  "--output", self.path("sft.jsonl"), env=self.env)
        exported = command_case.lines_of(self.path("sft.jsonl").read_text(encoding="utf-8"))
        self.assertEqual([row["prompt"] for row in exported], [row["prompt"] for row in rows])
        self.assertEqual({row["annotator"] for row in exported}, {"ann"})
        self.assertEqual(exported[4]["source"]["generated_by"], "tiny")
        self.assertEqual(exported[0]["completion"], "uoy yeh")
        self.done("train", "sft", *MODEL, *STEPS, "--dataset_name", self.path("sft.jsonl"),
                  "--output_dir", self.path("run"))
        report = json.loads((self.path("run") / "data_report.json").read_text())["train"]
        self.assertEqual(report["rows"]["kept"], len(WORDS))
        self.assertEqual(report["licences"], {"CC0-1.0": len(WORDS)})
        self.assertEqual(report["annotators"], {"ann": len(WORDS)})
        self.assertEqual(report["guideline_versions"], {"1": len(WORDS)})

    def test_rankings_of_two_people_train_a_reward_model_and_a_policy(self):
        rows = [{"prompt": f"{word}? ", "completions": texts, "ranks": [1, 2, 3],
                 "annotator": "tiny", "source": {**SOURCE, "row": str(row)}}
                for row, (word, texts) in enumerate(zip(WORDS, self.generated(3)))]
        dataset = self.imported("orders", rows)
        orders = {"ann": [3, 1, 2], "bob": [2, 1, 1]}
        for name, ranks in orders.items():
            for item in self.search(dataset, self.people[name]):
                value = [{"value": f"response-{place + 1}", "rank": rank}
                         for place, rank in enumerate(ranks)]
                self.call("POST", f"/api/v1/records/{item['record']['id']}/responses",
                          {"status": "submitted", "values": {"preference": {"value": value}}},
                          self.people[name])
        result = self.done("export", "--dataset", self.address("orders"), "--format", "rankings",
                           env=self.env)
        exported = command_case.lines_of(result.stdout)
        self.assertEqual(len(exported), 2 * len(WORDS))
        for row in exported:
            self.assertEqual(row["ranks"], orders[row["annotator"]])
            self.assertEqual(len(row["completions"]), 3)
        for recipe in ("reward", "dpo"):
            run = self.path(recipe)
            self.done("train", recipe, *MODEL, *STEPS, "--dataset_name", self.address("orders"),
                      "--output_dir", run, env=self.env)
            report = json.loads((run / "data_report.json").read_text())["train"]
            self.assertEqual(report["annotators"], {"ann": len(WORDS), "bob": len(WORDS)}, recipe)
            self.assertEqual(report["licences"], {"CC0-1.0": 2 * len(WORDS)}, recipe)
            self.assertTrue((run / "final").is_dir())

    def test_a_run_names_the_snapshot_that_it_was_trained_on(self):
        rows = [{"prompt": f"{word}? ", "completion": word, "source": {**SOURCE, "row": str(row)}}
                for row, word in enumerate(WORDS)]
        dataset = self.imported("kept", rows)

        def answer(items, text):
            for item in items:
                record = item["record"]
                self.call("POST", f"/api/v1/records/{record['id']}/responses",
                          {"status": "submitted",
                           "values": {"response": {"value": text(record["fields"]["prompt"])}}},
                          self.people["ann"])
        items = self.search(dataset, self.people["ann"])
        answer(items[:5], str.upper)
        snapshots = f"/api/attune/v1/datasets/{dataset}/snapshots"
        made = self.call("POST", snapshots, {"name": "round-1"})
        answer(items[5:], str.title)  # of which the snapshot knows nothing
        address = self.address("kept")
        reports = {}
        for name, data in (("then", f"{address}?snapshot=round-1"), ("now", address)):
            run = self.path(name)
            self.done("train", "sft", *MODEL, *STEPS, "--dataset_name", data, "--output_dir", run,
                      env=self.env)
            reports[name] = json.loads((run / "data_report.json").read_text())["train"]
        self.assertEqual(reports["then"]["rows"]["kept"], 5)
        self.assertEqual(reports["then"]["snapshots"], {made["hash"]: 5})
        self.assertEqual(reports["now"]["rows"]["kept"], len(WORDS))
        self.assertEqual(reports["now"]["snapshots"], {}, "rows of what stands now are of none")
        self.failed("train", "sft", *MODEL, *STEPS, "--dataset_name", f"{address}?snapshot=round-2",
                    "--output_dir", self.path("none"), env=self.env,
                    says=["dataset_name", "round-2"])

    def test_answers_of_a_model_go_to_people_in_two_commands(self):
        source = {"dataset": "words", "row": "1", "licence": "CC0-1.0"}
        prompts = self.write_rows("prompts.jsonl", [
            {"id": "first", "prompt": "hey? ", "source": source}, {"id": "second", "prompt": "a "}])
        for count in (1, 3):
            name = f"answers{count}"
            file = self.path(f"{name}.jsonl")
            self.done("generate", *MODEL, "--data", prompts, "--output", file, "--examples",
                      "--num_return_sequences", count, "--do_sample", "--min_new_tokens", 4,
                      "--max_new_tokens", 8)
            self.done("import", "--data", file, "--dataset", self.address(name), env=self.env)
            records = {item["record"]["external_id"]: item["record"]
                       for item in self.search(self.dataset(name), self.server.key)}
            self.assertEqual(set(records), {"words:1", "second"})
            first, second = records["words:1"], records["second"]
            self.assertEqual(first["metadata"]["licence"], "CC0-1.0")
            made_by = "/".join(pathlib.Path(command_case.TINY).parts[-2:])
            self.assertEqual(first["metadata"]["generated_by"], made_by)
            suggested = [one["value"] for one in second["suggestions"]]
            written = command_case.lines_of(file.read_text(encoding="utf-8"))[1]
            if count == 1:
                self.assertEqual(suggested, [written["completion"]])
            else:
                self.assertEqual(suggested, [])  # nobody has ranked them yet
                self.assertEqual([second["fields"][f"response-{place}"] for place in (1, 2, 3)],
                                 written["completions"])

    def test_a_file_that_is_sent_again_changes_its_records(self):
        file = self.write_rows("rows.jsonl", [{"id": word, "prompt": f"{word}? ", "completion": "x"}
                                              for word in WORDS])
        flags = ("--data", file, "--dataset", self.address("again"))
        for more, total in (((), 8), ((), 8), (("--licence", "CC0-1.0"), 8),
                            (("--source_dataset", "others"), 16)):  # rows of another data set
            result = self.done("import", *flags, *more, env=self.env)
            self.assertIn(f"8 records are on the server; argilla/again has {total} now",
                          result.stderr)

    def test_an_export_goes_where_a_link_leads(self):
        self.imported("linked", [{"id": word, "prompt": word, "completion": "x"} for word in WORDS])
        target, link = self.path("target.jsonl"), self.path("link.jsonl")
        target.write_text("old")
        link.symlink_to(target)
        self.done("export", "--dataset", self.address("linked"), "--output", link, env=self.env)
        self.assertTrue(link.is_symlink())
        self.assertEqual(len(command_case.lines_of(target.read_text(encoding="utf-8"))), len(WORDS))

    def test_what_cannot_be_had_is_said(self):
        self.wrong_use("export", "--dataset", "orders", says=["http://HOST:PORT/WORKSPACE"])
        self.failed("export", "--dataset", self.address("nothing"), env=self.env,
                    says=["there is no data set argilla/nothing"])
        self.failed("export", "--dataset", self.address("x"), env={"ATTUNE_API_KEY": "wrong"},
                    says=["ATTUNE_API_KEY"])
        self.wrong_use("export", "--dataset", self.address("x"), env={"ATTUNE_API_KEY": ""},
                       says=["set ATTUNE_API_KEY"])
        self.imported("empty", [{"prompt": "yes? ", "completion": "no"}])
        for flags, says in (
                (("--status", "done"), "query.status.0: Input should be 'draft', 'submitted'"),
                (("--output", self.path(".")), "is a directory; give the name of a file"),
                (("--output", self.path("no/rows.jsonl")),
                 "no/rows.jsonl: cannot create: no such file or directory; make its folder first"),
                (("--output", self.path("no/rows.parquet")), "make its folder first"),
                (("--output", "/dev/full"), "the disk is full")):
            before = sorted(self.path(".").iterdir())
            self.failed("export", "--dataset", self.address("empty"), *flags, env=self.env,
                        says=[says])
            self.assertEqual(sorted(self.path(".").iterdir()), before, flags)
        self.failed("train", "sft", *MODEL, *STEPS, "--dataset_name", self.address("empty"),
                    "--output_dir", self.path("run"), env=self.env,
                    says=["dataset_name", "nobody has submitted an answer"])


if __name__ == "__main__":
    unittest.main()
