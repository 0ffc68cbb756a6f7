"""Search and filters by the current SDK, and what it exports."""

import json
import pathlib
import random
import tempfile

import argilla as rg
from argilla._exceptions import UnprocessableEntityError

from sdk2_case import SdkCase
from sdk2_settings import everything


class Search(SdkCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        me = cls.client.me.id
        cls.dataset = case.new_dataset(everything())
        cls.dataset.records.log([
            rg.Record(id="fox", fields={"text": "The quick brown fox"},
                      metadata={"topic": "x", "length": 19, "score": 0.5},
                      suggestions=[rg.Suggestion("label", "y", score=0.9, agent="one", type="model"),
                                   rg.Suggestion("labels", ["a", "b"], score=[0.5, 0.5])],
                      vectors={"v": [1, 0, 0]}),
            rg.Record(id="dog", fields={"text": "A lazy dog is quick"},
                      metadata={"topic": "y", "length": 19, "score": -1},
                      suggestions=[rg.Suggestion("label", "n", score=0.2, agent="two")],
                      responses=[rg.Response("stars", 3, user_id=me, status="submitted"),
                                 rg.Response("label", "y", user_id=me, status="submitted")],
                      vectors={"v": [0, 1, 0]}),
            rg.Record(id="cat", fields={"text": "Кошка спит; Straße"}, metadata={"length": 50},
                      responses=[rg.Response("stars", 1, user_id=me, status="draft")],
                      vectors={"v": [0.6, 0.8, 0]}),
            rg.Record(id="none", fields={"text": "nothing"})])

    def found(self, query=None, conditions=None, **more):
        query = rg.Query(query=query, filter=rg.Filter(conditions) if conditions else None, **more)
        return sorted(record.id for record in self.dataset.records(query=query))

    def test_words(self):
        self.assertEqual(["dog", "fox"], self.found("quick"))
        self.assertEqual(["fox"], self.found("QUICK brown"))
        self.assertEqual(["fox"], self.found('"quick brown"'))
        self.assertEqual([], self.found('"brown quick"'))
        self.assertEqual(["dog"], self.found("quick -brown"))
        self.assertEqual(["cat", "fox"], self.found("brown | кошка"))
        self.assertEqual(["dog", "fox"], self.found("qui*"))
        self.assertEqual([], self.found("absent"))

    def test_record_filters(self):
        self.assertEqual(["fox"], self.found(conditions=("id", "==", "fox")))
        self.assertEqual(["dog", "fox"], self.found(conditions=("id", "in", ["fox", "dog"])))
        self.assertEqual(["dog"], self.found(conditions=("status", "==", "completed")))
        self.assertEqual(["cat", "fox", "none"],
                         self.found(conditions=("status", "==", "pending")))
        ids = {record.id: record._server_id for record in self.dataset.records}
        self.assertEqual(["cat"], self.found(conditions=("_server_id", "==", str(ids["cat"]))))
        self.assertEqual(["cat", "dog", "fox", "none"],
                         self.found(conditions=("inserted_at", "<=", "2100-01-01T00:00:00")))
        self.assertEqual([], self.found(conditions=("updated_at", "<=", "2001-01-01T00:00:00")))

    def test_metadata_filters(self):
        self.assertEqual(["fox"], self.found(conditions=("metadata.topic", "==", "x")))
        self.assertEqual(["dog", "fox"], self.found(conditions=("metadata.topic", "in", ["x", "y"])))
        self.assertEqual(["cat"], self.found(conditions=("metadata.length", ">=", 20)))
        self.assertEqual(["dog"], self.found(conditions=("metadata.score", "<=", 0.4)))
        self.assertEqual(["dog", "fox"], self.found(conditions=[("metadata.length", ">=", 19),
                                                                ("metadata.length", "<=", 19)]))

    def test_suggestion_filters(self):
        self.assertEqual(["fox"], self.found(conditions=("label", "==", "y")))
        self.assertEqual(["dog", "fox"], self.found(conditions=("label.suggestion", "in", ["y", "n"])))
        self.assertEqual(["fox"], self.found(conditions=("labels.suggestion", "in", ["b"])))
        self.assertEqual(["fox"], self.found(conditions=("label.score", ">=", 0.5)))
        self.assertEqual(["dog"], self.found(conditions=("label.agent", "==", "two")))
        self.assertEqual(["fox"], self.found(conditions=("label.type", "==", "model")))

    def test_response_filters(self):
        self.assertEqual(["dog"], self.found(conditions=("response.status", "==", "submitted")))
        self.assertEqual(["cat", "dog"],
                         self.found(conditions=("response.status", "in", ["submitted", "draft"])))
        self.assertEqual(["fox", "none"], self.found(conditions=("response.status", "==", "pending")))
        self.assertEqual(["dog"], self.found(conditions=("label.response", "==", "y")))
        self.assertEqual(["dog"], self.found(conditions=("stars.response", ">=", 2)))

    def test_words_and_filters_together(self):
        self.assertEqual(["dog"], self.found("quick", ("metadata.topic", "==", "y")))

    def test_an_unknown_name_is_said(self):
        for condition in (("metadata.nothing", "==", "x"), ("nothing.response", "==", "x"),
                          ("nothing.score", ">=", 0.5)):
            with self.assertRaises(UnprocessableEntityError):
                self.found(conditions=condition)

    def test_similar_vectors(self):
        def nearest(**options):
            query = rg.Query(similar=rg.Similar(name="v", **options))
            return [(record.id, round(score, 6)) for record, score in self.dataset.records(query=query)]

        self.assertEqual([("fox", 1.0), ("cat", 0.8), ("dog", 0.5)], nearest(value=[2, 0, 0]))
        self.assertEqual([("dog", 0.5), ("cat", 0.2), ("fox", 0.0)],
                         nearest(value=[1, 0, 0], most_similar=False))
        fox = next(record for record in self.dataset.records if record.id == "fox")
        self.assertEqual([("cat", 0.8), ("dog", 0.5)], nearest(value=fox))

    def test_many_vectors_give_a_thousand(self):
        dataset = self.new_dataset(rg.Settings(
            fields=[rg.TextField(name="text")], questions=[rg.TextQuestion(name="answer")],
            vectors=[rg.VectorField(name="v", dimensions=10)]))
        source = random.Random(5)
        rows = [{"id": str(i), "text": str(i), "v": [source.gauss(0, 1) for _ in range(10)]}
                for i in range(1500)]
        dataset.records.log(rows)
        target = rows[7]["v"]
        found = list(dataset.records(query=rg.Query(similar=rg.Similar("v", target))))
        self.assertEqual(1000, len(found))

        def cosine(row):
            a, b = row["v"], target
            dot = sum(x * y for x, y in zip(a, b))
            return dot / (sum(x * x for x in a) * sum(x * x for x in b)) ** 0.5

        exact = sorted(rows, key=cosine, reverse=True)[:1000]
        self.assertEqual([row["id"] for row in exact[:50]], [record.id for record, _ in found[:50]])
        self.assertEqual({row["id"] for row in exact}, {record.id for record, _ in found})


class Export(SdkCase):
    @staticmethod
    def settings():
        return rg.Settings(
            fields=[rg.TextField(name="text")],
            questions=[rg.LabelQuestion(name="label", labels={"y": "Yes", "n": "No"}),
                       rg.RatingQuestion(name="stars", values=[0, 1, 2, 3], required=False),
                       rg.RankingQuestion(name="order", values=["r1", "r2", "r3"],
                                          required=False)],
            metadata=[rg.TermsMetadataProperty(name="topic")])

    def test_rows_and_files(self):
        dataset = self.new_dataset(self.settings())
        me = self.client.me.id
        dataset.records.log([
            rg.Record(id="a", fields={"text": "one"}, metadata={"topic": "x"},
                      suggestions=[rg.Suggestion("stars", 1, agent="m", score=0.5)],
                      responses=[rg.Response("label", "y", user_id=me, status="submitted"),
                                 rg.Response("stars", 3, user_id=me, status="submitted")]),
            rg.Record(id="b", fields={"text": "two"})])
        rows = dataset.records.to_list(flatten=True)
        self.assertEqual(["a", "b"], [row["id"] for row in rows])
        self.assertEqual((["y"], [str(me)], ["submitted"], 1, 0.5, "m", "completed"),
                         (rows[0]["label.responses"], list(map(str, rows[0]["label.responses.users"])),
                          rows[0]["label.responses.status"], rows[0]["stars.suggestion"],
                          rows[0]["stars.suggestion.score"], rows[0]["stars.suggestion.agent"],
                          rows[0]["status"]))
        table = dataset.records.to_datasets()
        self.assertEqual(["one", "two"], table["text"])
        with tempfile.TemporaryDirectory() as folder:
            path = dataset.records.to_json(pathlib.Path(folder, "records.json"))
            self.assertEqual(2, len(json.loads(pathlib.Path(path).read_text())))
            copy = self.new_dataset(self.settings())
            copy.records.from_json(path)
            self.assertEqual(["one", "two"], self.texts(copy.records))

    def test_a_dataset_goes_to_disk_and_back(self):
        dataset = self.new_dataset(self.settings())
        dataset.records.log([{"id": "a", "text": "one", "label": "y", "topic": "x"}])
        with tempfile.TemporaryDirectory() as folder:
            dataset.to_disk(path=folder)
            again = rg.Dataset.from_disk(folder, name="from-disk", workspace=self.new_workspace(),
                                         client=self.client)
            found = list(again.records(with_suggestions=True))
            self.assertEqual([("a", "one", "y", "x")], [
                (one.id, one.fields["text"], one.suggestions["label"].value, one.metadata["topic"])
                for one in found])
            self.assertEqual(["r1", "r2", "r3"], again.settings.questions["order"].values)
