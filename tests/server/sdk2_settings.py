"""Data sets and their settings by the current SDK: made, read back, changed."""

import argilla as rg
from argilla._exceptions import ConflictError, NotFoundError, SettingsError

from sdk2_case import SdkCase, new_name


def everything(**changes):
    """Settings with one property of each kind; new objects each time, as the SDK fills them in."""
    settings = dict(
        guidelines="Answer kindly.",
        fields=[rg.TextField(name="text", title="The text", use_markdown=True),
                rg.ChatField(name="chat", required=False, use_markdown=False),
                rg.ImageField(name="picture", required=False),
                rg.CustomField(name="own", template="<b>{{record.fields.own.x}}</b>",
                               required=False)],
        questions=[rg.TextQuestion(name="note", description="Anything", required=False),
                   rg.RatingQuestion(name="stars", values=[0, 1, 2, 3]),
                   rg.LabelQuestion(name="label", labels={"y": "Yes", "n": "No"}),
                   rg.MultiLabelQuestion(name="labels", labels=["a", "b", "c", "d"],
                                         visible_labels=3, required=False),
                   rg.RankingQuestion(name="order", values=["r1", "r2", "r3"], required=False),
                   rg.SpanQuestion(name="spans", field="text", labels=["P", "Q"],
                                   allow_overlapping=True, required=False)],
        metadata=[rg.TermsMetadataProperty(name="topic", options=["x", "y"]),
                  rg.TermsMetadataProperty(name="free"),
                  rg.IntegerMetadataProperty(name="length", min=0, max=100),
                  rg.FloatMetadataProperty(name="score", visible_for_annotators=False)],
        vectors=[rg.VectorField(name="v", dimensions=3)])
    return rg.Settings(**{**settings, **changes})


class SettingsOfDatasets(SdkCase):
    def test_every_field_question_metadata_and_vector_comes_back(self):
        dataset = self.new_dataset(everything(distribution=rg.TaskDistribution(min_submitted=2)))
        found = self.again(dataset).settings
        self.assertEqual("Answer kindly.", found.guidelines)
        self.assertEqual(2, found.distribution.min_submitted)
        self.assertEqual(["text", "chat", "picture", "own"], [one.name for one in found.fields])
        self.assertEqual(("The text", True),
                         (found.fields["text"].title, found.fields["text"].use_markdown))
        self.assertFalse(found.fields["chat"].use_markdown)
        self.assertIn("record.fields.own.x", found.fields["own"].template)
        self.assertEqual([0, 1, 2, 3], found.questions["stars"].values)
        self.assertEqual(["y", "n"], found.questions["label"].labels)
        self.assertEqual(3, found.questions["labels"].visible_labels)
        self.assertEqual(["r1", "r2", "r3"], found.questions["order"].values)
        self.assertEqual(("text", ["P", "Q"], True),
                         (found.questions["spans"].field, found.questions["spans"].labels,
                          found.questions["spans"].allow_overlapping))
        self.assertEqual("Anything", found.questions["note"].description)
        self.assertEqual(["x", "y"], found.metadata["topic"].options)
        self.assertEqual((0, 100), (found.metadata["length"].min, found.metadata["length"].max))
        self.assertFalse(found.metadata["score"].visible_for_annotators)
        self.assertEqual(3, found.vectors["v"].dimensions)

    def test_settings_are_changed(self):
        dataset = self.new_dataset(everything())
        settings = dataset.settings
        settings.guidelines = "Answer briefly."
        settings.fields["text"].title = "Words"
        settings.fields["text"].use_markdown = False
        settings.questions["label"].description = "Choose"
        settings.metadata["topic"].visible_for_annotators = False
        settings.vectors["v"].title = "Vee"
        settings.distribution = rg.TaskDistribution(min_submitted=3)
        settings.allow_extra_metadata = True
        settings.add(rg.IntegerMetadataProperty(name="later"))
        settings.add(rg.VectorField(name="w", dimensions=2))
        settings.update()
        found = self.again(dataset).settings
        self.assertEqual("Answer briefly.", found.guidelines)
        self.assertEqual(("Words", False),
                         (found.fields["text"].title, found.fields["text"].use_markdown))
        self.assertEqual("Choose", found.questions["label"].description)
        self.assertFalse(found.metadata["topic"].visible_for_annotators)
        self.assertEqual("Vee", found.vectors["v"].title)
        self.assertEqual(3, found.distribution.min_submitted)
        self.assertTrue(found.allow_extra_metadata)
        self.assertIsNotNone(found.metadata["later"])
        found.metadata["later"].delete()
        found.vectors["w"].delete()
        again = self.again(dataset).settings
        self.assertIsNone(again.metadata["later"])
        self.assertIsNone(again.vectors["w"])

    def test_names_and_limits(self):
        workspace = self.new_workspace()
        dataset = self.new_dataset(workspace=workspace)
        with self.assertRaises(ConflictError):
            rg.Dataset(name=dataset.name, workspace=workspace, settings=rg.Settings(
                fields=[rg.TextField(name="t")], questions=[rg.TextQuestion(name="q")]),
                client=self.client).create()
        self.assertEqual(1, len(workspace.datasets))
        with self.assertRaises(SettingsError):
            self.new_dataset(rg.Settings(
                fields=[rg.TextField(name="t")],
                questions=[rg.TextQuestion(name="q", required=False)]))
        with self.assertRaises(SettingsError):
            self.new_dataset(rg.Settings(
                fields=[rg.TextField(name="t")],
                questions=[rg.RatingQuestion(name="q", values=list(range(12)))]))

    def test_a_dataset_is_renamed_found_and_deleted(self):
        workspace = self.new_workspace()
        dataset = self.new_dataset(workspace=workspace)
        dataset.name = new_name("renamed")
        dataset.update()
        self.assertEqual(dataset.id, self.client.datasets(dataset.name, workspace=workspace).id)
        self.assertEqual(dataset.name, self.client.datasets(id=dataset.id).name)
        self.assertIn(dataset.name, [one.name for one in self.client.datasets])
        dataset.delete()
        self.assertIsNone(self.client.datasets(dataset.name, workspace=workspace))
        with self.assertRaises(NotFoundError):
            dataset.delete()

    def test_progress(self):
        dataset = self.new_dataset()
        me = self.client.me.id
        dataset.records.log([
            rg.Record(fields={"text": str(i)}, responses=[
                rg.Response("answer", "x", user_id=me, status="submitted")] if i < 2 else [])
            for i in range(5)])
        self.assertEqual({"total": 5, "completed": 2, "pending": 3}, dataset.progress())
        users = dataset.progress(with_users_distribution=True)["users"]
        self.assertEqual({"argilla"}, set(users))
        self.assertEqual(2, users["argilla"]["completed"]["submitted"])


class Webhooks(SdkCase):
    flags = ("--allow_private_webhooks", "true")

    def test_webhooks_are_made_changed_and_deleted(self):
        webhook = rg.Webhook(url="http://127.0.0.1:9/x", events=["record.created"],
                             description="For a test")
        webhook = self.client.webhooks.add(webhook)
        self.assertTrue(webhook.secret)
        found = next(one for one in self.client.webhooks if one.id == webhook.id)
        self.assertEqual(("http://127.0.0.1:9/x", ["record.created"], True),
                         (found.url, found.events, found.enabled))
        found.enabled = False
        found.events = ["dataset.created", "response.updated"]
        found.update()
        self.assertEqual([False], [one.enabled for one in self.client.webhooks
                                   if one.id == webhook.id])
        found.delete()
        self.assertEqual([], [one for one in self.client.webhooks if one.id == webhook.id])
