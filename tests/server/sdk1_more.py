"""What else of the 1.29 SDK reaches the server: every question type, vectors, changes of records and
settings, users and workspaces."""

import argilla as rg
from argilla.client.sdk.commons.errors import UnauthorizedApiError

import databases


class Datasets(databases.OnServer):
    def setUp(self):
        rg.init(api_url=self.server.url, api_key=self.server.key)
        name = self.id().rsplit(".", 1)[-1].lower()
        self.workspace = rg.Workspace.create(name)
        self.local = rg.FeedbackDataset(
            guidelines="Answer everything.", allow_extra_metadata=False,
            fields=[rg.TextField(name="text"),
                    rg.TextField(name="context", required=False, use_markdown=True)],
            questions=[rg.TextQuestion(name="why", required=False),
                       rg.RatingQuestion(name="stars", values=[1, 2, 3]),
                       rg.LabelQuestion(name="kind", labels={"p": "Praise", "c": "Complaint"},
                                        required=False),
                       rg.MultiLabelQuestion(name="tags", labels=["a", "b", "c", "d"],
                                             visible_labels=3, required=False),
                       rg.RankingQuestion(name="order", values=["x", "y"], required=False),
                       rg.SpanQuestion(name="marks", field="text", labels=["m", "n"],
                                       required=False)],
            metadata_properties=[rg.TermsMetadataProperty(name="lang", values=["en", "de"]),
                                 rg.IntegerMetadataProperty(name="length", min=0, max=100),
                                 rg.FloatMetadataProperty(name="score", min=0.0, max=1.0,
                                                          visible_for_annotators=False)],
            vectors_settings=[rg.VectorSettings(name="emb", dimensions=3)])
        me = rg.User.me()
        self.local.add_records([
            rg.FeedbackRecord(
                fields={"text": "one fine day", "context": "_c_"}, external_id="1",
                metadata={"lang": "en", "length": 3, "score": 0.5}, vectors={"emb": [1.0, 0.0, 0.0]},
                responses=[{"user_id": me.id, "status": "submitted", "values": {
                    "stars": {"value": 2}, "kind": {"value": "p"}, "tags": {"value": ["a", "d"]},
                    "order": {"value": [{"value": "x", "rank": 2}, {"value": "y", "rank": 1}]},
                    "marks": {"value": [{"start": 0, "end": 3, "label": "m"}]}}}]),
            rg.FeedbackRecord(fields={"text": "two"}, external_id="2",
                              metadata={"lang": "de", "length": 2}, vectors={"emb": [0.0, 1.0, 0.0]},
                              suggestions=[{"question_name": "stars", "value": 1},
                                           {"question_name": "tags", "value": ["b"],
                                            "score": [0.5], "type": "model"}]),
            rg.FeedbackRecord(fields={"text": "three"}, external_id="3")])
        self.remote = self.local.push_to_argilla(name="all of it", workspace=name)

    def ids(self, dataset):
        return [record.external_id for record in dataset.records]

    def test_every_question_comes_back(self):
        found = rg.FeedbackDataset.from_argilla("all of it", workspace=self.workspace.name)
        self.assertEqual([question.name for question in self.local.questions],
                         [question.name for question in found.questions])
        self.assertEqual({"p": "Praise", "c": "Complaint"}, found.question_by_name("kind").labels)
        self.assertEqual([1, 2, 3], found.question_by_name("stars").values)
        self.assertEqual(3, found.question_by_name("tags").visible_labels)
        self.assertEqual("text", found.question_by_name("marks").field)
        self.assertEqual((True, False), (found.field_by_name("context").use_markdown,
                                         found.field_by_name("context").required))
        self.assertFalse(found.allow_extra_metadata)
        record = list(found.records)[0]
        values = record.responses[0].values
        self.assertEqual((2, "p", ["a", "d"]),
                         (values["stars"].value, values["kind"].value, values["tags"].value))
        self.assertEqual({"x": 2, "y": 1},
                         {one.value: one.rank for one in values["order"].value})
        self.assertEqual([(0, 3, "m")],
                         [(one.start, one.end, one.label) for one in values["marks"].value])
        self.assertEqual({"lang": "en", "length": 3, "score": 0.5}, record.metadata)
        self.assertEqual(3, len(found))

    def test_filters_and_similar_records(self):
        self.assertEqual(["2"], self.ids(self.remote.filter_by(
            metadata_filters=rg.TermsMetadataFilter(name="lang", values=["de"]))))
        self.assertEqual(["1"], self.ids(self.remote.filter_by(
            metadata_filters=rg.IntegerMetadataFilter(name="length", ge=3))))
        self.assertEqual([], self.ids(self.remote.filter_by(metadata_filters=[
            rg.FloatMetadataFilter(name="score", le=0.5),
            rg.IntegerMetadataFilter(name="length", le=2)])))
        self.assertEqual(["2", "3"], self.ids(self.remote.filter_by(response_status="pending")))
        self.assertEqual(["3", "2", "1"], self.ids(self.remote.sort_by(
            [rg.SortBy(field="inserted_at", order="desc")])))
        found = self.remote.find_similar_records(vector_name="emb", value=[1.0, 0.0, 0.0],
                                                 max_results=2)
        self.assertEqual([("1", 1.0), ("2", 0.5)],
                         [(record.external_id, round(score, 6)) for record, score in found])
        first = found[0][0]
        found = self.remote.find_similar_records(vector_name="emb", record=first, max_results=2)
        self.assertEqual(["2"], [record.external_id for record, _ in found])

    def test_records_are_changed_and_deleted(self):
        second = list(self.remote.records)[1]
        second.metadata["length"] = 5
        second.suggestions = [{"question_name": "stars", "value": 3}]
        self.remote.update_records(second)
        found = {one.external_id: one for one in self.remote.records}["2"]
        self.assertEqual(5, found.metadata["length"])
        self.assertEqual([("stars", 3)], [(one.question_name, one.value)
                                          for one in found.suggestions])
        found.delete_suggestions(list(found.suggestions))
        found = {one.external_id: one for one in self.remote.records}["2"]
        self.assertEqual(0, len(found.suggestions))
        self.remote.delete_records([found])
        self.assertEqual(["1", "3"], self.ids(self.remote))
        list(self.remote.records)[0].delete()
        self.assertEqual(1, len(self.remote))

    def test_settings_are_added_changed_and_deleted(self):
        made = self.remote.add_metadata_property(rg.TermsMetadataProperty(name="extra"))
        made.title = "More"
        self.remote.update_metadata_properties(made)
        self.assertEqual("More", self.remote.metadata_property_by_name("extra").title)
        self.remote.delete_metadata_properties("extra")
        self.assertIsNone(self.remote.metadata_property_by_name("extra"))
        vectors = self.remote.add_vector_settings(rg.VectorSettings(name="late", dimensions=2))
        vectors.title = "Later"
        self.remote.update_vectors_settings(vectors)
        self.assertEqual("Later", self.remote.vector_settings_by_name("late").title)
        self.remote.delete_vectors_settings("late")
        self.assertIsNone(self.remote.vector_settings_by_name("late"))

    def test_a_name_taken_is_refused(self):
        with self.assertRaisesRegex(Exception, "already exists"):
            self.local.push_to_argilla(name="all of it", workspace=self.workspace.name)
        self.assertEqual(1, len(rg.FeedbackDataset.list(workspace=self.workspace.name)))

    def test_batches_of_many_records(self):
        self.remote.add_records([
            rg.FeedbackRecord(fields={"text": f"more {i}"}, external_id=f"m-{i}")
            for i in range(300)])
        self.assertEqual(["1", "2", "3"] + [f"m-{i}" for i in range(300)], self.ids(self.remote))
        self.assertEqual(303, len(self.remote))


class People(databases.OnServer):
    def setUp(self):
        rg.init(api_url=self.server.url, api_key=self.server.key)

    def test_a_wrong_key_is_refused(self):
        with self.assertRaises(UnauthorizedApiError):
            rg.init(api_url=self.server.url, api_key="wrong")

    def test_me(self):
        self.assertEqual(("argilla", "owner"), (rg.User.me().username, rg.User.me().role))

    def test_users_and_workspaces(self):
        workspace = rg.Workspace.create("people")
        with self.assertRaises(Exception):
            rg.Workspace.create("people")
        eve = rg.User.create(username="eve", first_name="Eve", last_name="Moore",
                             password="a long password", role="admin")
        self.assertTrue(eve.api_key)
        self.assertEqual("Eve Moore", eve.full_name)
        self.assertIn("eve", [user.username for user in rg.User.list()])
        self.assertEqual(eve.id, rg.User.from_name("eve").id)
        self.assertEqual("eve", rg.User.from_id(eve.id).username)
        workspace.add_user(eve.id)
        self.assertEqual(["eve"], [user.username for user in workspace.users])
        self.assertEqual(["people"], [one.name for one in rg.User.from_name("eve").workspaces])
        workspace.delete_user(eve.id)
        self.assertEqual(0, len(list(workspace.users)))
        self.assertEqual(workspace.id, rg.Workspace.from_name("people").id)
        self.assertIn("people", [one.name for one in rg.Workspace.list()])
        rg.init(api_url=self.server.url, api_key=eve.api_key)
        self.assertEqual("eve", rg.User.me().username)
        rg.init(api_url=self.server.url, api_key=self.server.key)
        eve.delete()
        workspace.delete()
        self.assertNotIn("people", [one.name for one in rg.Workspace.list()])
