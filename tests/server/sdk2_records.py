"""Records by the current SDK: values of every kind, batches, upserts, suggestions, responses."""

import argilla as rg
from argilla._exceptions import UnprocessableEntityError
from PIL import Image

from sdk2_case import SdkCase
from sdk2_settings import everything

SPANS = [{"label": "P", "start": 0, "end": 5}, {"label": "Q", "start": 3, "end": 11}]
CHAT = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi <b>there</b>"}]


class Records(SdkCase):
    def test_values_of_every_kind_come_back(self):
        dataset = self.new_dataset(everything())
        me = self.client.me.id
        answers = {"note": "fine", "stars": 2, "label": "n", "labels": ["c", "a"],
                   "order": [{"value": "r2", "rank": 1}, {"value": "r1", "rank": 2},
                             {"value": "r3", "rank": 3}], "spans": SPANS}
        guesses = {"note": ("hm", 0.5), "stars": (0, 0.25), "label": ("y", 1.0),
                   "labels": (["a", "d"], [0.5, 0.75]), "spans": (SPANS, [0.1, 0.2])}
        record = rg.Record(
            id="r-1", fields={"text": "hello world", "chat": CHAT,
                              "picture": "https://example.org/a.png", "own": {"x": [1, {"y": 2}]}},
            metadata={"topic": "x", "free": ["a", "b"], "length": 7, "score": 0.5},
            vectors={"v": [0.1, -0.2, 3.0]},
            suggestions=[rg.Suggestion(name, value, score=score, agent="model-1", type="model")
                         for name, (value, score) in guesses.items()],
            responses=[rg.Response(name, value, user_id=me, status="submitted")
                       for name, value in answers.items()])
        dataset.records.log([record])
        found = list(self.again(dataset).records(with_vectors=True, with_responses=True,
                                                 with_suggestions=True))
        self.assertEqual(1, len(found))
        found = found[0]
        self.assertEqual(("r-1", "completed"), (found.id, found.status))
        self.assertEqual("hello world", found.fields["text"])
        self.assertEqual(CHAT, [dict(message) for message in found.fields["chat"]])
        self.assertEqual("https://example.org/a.png", found.fields["picture"])
        self.assertEqual({"x": [1, {"y": 2}]}, found.fields["own"])
        self.assertEqual({"topic": "x", "free": ["a", "b"], "length": 7, "score": 0.5},
                         dict(found.metadata))
        for expected, value in zip([0.1, -0.2, 3.0], found.vectors["v"]):
            self.assertAlmostEqual(expected, value, places=6)
        for name, (value, score) in guesses.items():
            self.assertEqual((value, score, "model-1", "model"),
                             (found.suggestions[name].value, found.suggestions[name].score,
                              found.suggestions[name].agent, found.suggestions[name].type), name)
        for name, value in answers.items():
            wanted = ["r2", "r1", "r3"] if name == "order" else value
            response = found.responses[name][0]
            self.assertEqual((wanted, me, "submitted"),
                             (response.value, response.user_id, response.status.value), name)

    def test_pictures_travel_inside_the_record(self):
        dataset = self.new_dataset(rg.Settings(fields=[rg.ImageField(name="picture")],
                                               questions=[rg.TextQuestion(name="answer")]))
        picture = Image.new("RGB", (3, 2), (10, 20, 30))
        dataset.records.log([rg.Record(fields={"picture": picture})])
        found = next(iter(dataset.records)).fields["picture"]
        self.assertEqual(((3, 2), (10, 20, 30)), (found.size, found.convert("RGB").getpixel((2, 1))))

    def test_a_thousand_records_in_order(self):
        dataset = self.new_dataset()
        rows = [{"id": f"row-{i}", "text": f"text {i}"} for i in range(1000)]
        dataset.records.log(rows, batch_size=500)
        found = list(dataset.records(batch_size=1000))
        self.assertEqual([row["id"] for row in rows], [record.id for record in found])
        self.assertEqual([row["text"] for row in rows], self.texts(found))
        self.assertEqual(250, len(list(dataset.records(limit=250))))
        self.assertEqual(1000, dataset.progress()["total"])
        dataset.records.delete(found[:600])
        self.assertEqual([row["id"] for row in rows[600:]],
                         [record.id for record in dataset.records])

    def test_logging_again_changes_what_is_named(self):
        dataset = self.new_dataset(everything())
        dataset.records.log([{"id": "a", "text": "one", "topic": "x", "stars": 1},
                             {"id": "b", "text": "two"}])
        first = {record.id: record._server_id for record in dataset.records}
        dataset.records.log([{"id": "b", "text": "changed", "label": "y"},
                             {"id": "c", "text": "three"}])
        found = {record.id: record for record in dataset.records(with_suggestions=True)}
        self.assertEqual(["a", "b", "c"], list(found))
        self.assertEqual("changed", found["b"].fields["text"])
        self.assertEqual("y", found["b"].suggestions["label"].value)
        self.assertEqual({"topic": "x"}, dict(found["a"].metadata))
        self.assertEqual(1, found["a"].suggestions["stars"].value)
        for name, server_id in first.items():
            self.assertEqual(server_id, found[name]._server_id)
        record = found["a"]
        record.metadata["length"] = 9
        record.suggestions.add(rg.Suggestion("note", "later"))
        dataset.records.log([record])
        again = {record.id: record for record in dataset.records(with_suggestions=True)}["a"]
        self.assertEqual({"topic": "x", "length": 9}, dict(again.metadata))
        self.assertEqual((1, "later"), (again.suggestions["stars"].value,
                                        again.suggestions["note"].value))

    def test_a_suggestion_alone_changes_a_record(self):
        dataset = self.new_dataset()
        dataset.records.log([{"id": "a", "text": "one"}])
        dataset.records.log([rg.Record(id="a", suggestions=[rg.Suggestion("answer", "try")])])
        found = list(dataset.records(with_suggestions=True))
        self.assertEqual([("one", "try")], [(one.fields["text"], one.suggestions["answer"].value)
                                            for one in found])

    def test_whole_numbers_are_floats_and_booleans_terms(self):
        dataset = self.new_dataset(rg.Settings(
            fields=[rg.TextField(name="text")], questions=[rg.TextQuestion(name="answer")],
            metadata=[rg.FloatMetadataProperty(name="score"),
                      rg.TermsMetadataProperty(name="flag", options=[True, False])]))
        dataset.records.log([{"text": "a", "score": 1, "flag": True}])
        self.assertEqual({"score": 1, "flag": True}, dict(next(iter(dataset.records)).metadata))

    def test_what_does_not_fit_is_refused_whole(self):
        dataset = self.new_dataset(everything(allow_extra_metadata=False))
        good = rg.Record(id="good", fields={"text": "good"})
        wrong = [dict(fields={"text": "a"}, metadata={"topic": "z"}),
                 dict(fields={"text": "a"}, metadata={"extra": 1}),
                 dict(fields={"text": "a"}, vectors={"v": [1.0]}),
                 dict(fields={"text": "a"}, suggestions=[rg.Suggestion("stars", 9)]),
                 dict(fields={"text": "a"}, suggestions=[rg.Suggestion("label", "q")]),
                 dict(fields={"chat": CHAT}),
                 dict(fields={"text": "a"}, suggestions=[
                     rg.Suggestion("spans", [{"label": "P", "start": 0, "end": 2}])])]
        for arguments in wrong:
            with self.assertRaises(UnprocessableEntityError, msg=str(arguments)):
                dataset.records.log([good, rg.Record(**arguments)])
        self.assertEqual([], list(dataset.records))


class Answers(SdkCase):
    def test_answers_of_several_people(self):
        workspace = self.new_workspace()
        dataset = self.new_dataset(workspace=workspace)
        people = [self.new_user(workspace=workspace) for _ in range(3)]
        dataset.records.log([{"id": "a", "text": "one"}, {"id": "b", "text": "two"}])
        record = next(iter(dataset.records))
        for number, (_, token) in enumerate(people):
            status, answer = self.call_as(
                token, "POST", f"/api/v1/records/{record._server_id}/responses",
                {"status": "submitted", "values": {"answer": {"value": f"by {number}"}}})
            self.assertEqual(201, status, answer)
        found = {one.id: one for one in dataset.records(with_responses=True)}
        self.assertEqual({user.id: f"by {number}" for number, (user, _) in enumerate(people)},
                         {one.user_id: one.value for one in found["a"].responses["answer"]})
        self.assertEqual(("completed", "pending"), (found["a"].status, found["b"].status))
        people[0][0].delete()
        found = {one.id: one for one in dataset.records(with_responses=True)}
        self.assertEqual(3, len(found["a"].responses["answer"]), "the answer outlives its author")

    def test_as_many_answers_as_are_asked_for(self):
        workspace = self.new_workspace()
        users = [self.new_user(workspace=workspace)[0] for _ in range(2)]
        dataset = self.new_dataset(rg.Settings(
            fields=[rg.TextField(name="text")], questions=[rg.TextQuestion(name="answer")],
            distribution=rg.TaskDistribution(min_submitted=2)), workspace)

        def answered(*who, status="submitted"):
            dataset.records.log([rg.Record(id="a", fields={"text": "one"}, responses=[
                rg.Response("answer", "x", user_id=user.id, status=status) for user in who])])
            return next(iter(dataset.records)).status

        self.assertEqual("pending", answered(users[0]))
        self.assertEqual("pending", answered(users[1], status="draft"))
        self.assertEqual("completed", answered(users[1]))


class Rankings(SdkCase):
    """Ranks and ties stay through storage; this SDK, which shows no ranks, gets rank order."""

    def setUp(self):
        self.dataset = self.new_dataset(rg.Settings(
            fields=[rg.TextField(name="text")],
            questions=[rg.RankingQuestion(name="order", values=["a", "b", "c"])]))
        self.me = self.client.me.id

    def raw(self):
        _, page = self.server.call("GET", f"/api/v1/datasets/{self.dataset.id}/records"
                                          "?include=responses&include=suggestions")
        return page["items"]

    def test_answers_come_in_rank_order(self):
        given = [[("a", 3), ("b", 1), ("c", 2)], [("a", 2), ("b", 2), ("c", 1)],
                 [("a", 1), ("b", 1), ("c", 1)]]
        wanted = [["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]
        self.dataset.records.log([
            rg.Record(id=str(i), fields={"text": str(i)}, responses=[rg.Response(
                "order", [{"value": value, "rank": rank} for value, rank in ranks],
                user_id=self.me, status="submitted")]) for i, ranks in enumerate(given)])
        found = list(self.again(self.dataset).records(with_responses=True))
        self.assertEqual(wanted, [one.responses["order"][0].value for one in found])
        for ranks, item in zip(given, self.raw()):
            stored = item["responses"][0]["values"]["order"]["value"]
            self.assertEqual(dict(ranks), {one["value"]: one["rank"] for one in stored})

    def test_suggestions_keep_the_order_they_were_given_in(self):
        self.dataset.records.log([rg.Record(
            id="s", fields={"text": "s"},
            suggestions=[rg.Suggestion("order", ["c", "a", "b"], score=[0.5, 0.25, 0.25])])])
        found = next(iter(self.again(self.dataset).records(with_suggestions=True)))
        self.assertEqual(["c", "a", "b"], found.suggestions["order"].value)
        self.assertEqual([0.5, 0.25, 0.25], found.suggestions["order"].score)

    def test_ties_in_suggestions_keep_their_ranks(self):
        self.dataset.records.log([{"id": "t", "text": "t"}])
        record = self.raw()[0]["id"]
        question = self.dataset.questions["order"].id
        status, _ = self.server.call("PUT", f"/api/v1/records/{record}/suggestions", {
            "question_id": str(question), "value": [{"value": "a", "rank": 2},
                                                    {"value": "b", "rank": 1},
                                                    {"value": "c", "rank": 1}]})
        self.assertEqual(201, status)
        stored = self.raw()[0]["suggestions"][0]["value"]
        self.assertEqual({"a": 2, "b": 1, "c": 1}, {one["value"]: one["rank"] for one in stored})
        found = next(iter(self.dataset.records(with_suggestions=True)))
        self.assertEqual(["b", "c", "a"], found.suggestions["order"].value)
