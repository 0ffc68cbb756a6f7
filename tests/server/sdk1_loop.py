"""The two data sets of the human-feedback loop as articles of 2023 print them: corrected answers for
fine-tuning, ranked answers for the reward model."""

import argilla as rg
from argilla.feedback import TrainingTask

import databases

PROMPTS = ["Can you write an email answering what the HTTP Error 500 means?",
           "How do I reset my password?", "My bill is wrong.", "Where is my parcel?"]


class Loop(databases.OnServer):
    def setUp(self):
        rg.init(api_url=self.server.url, api_key=self.server.key)

    def workspace(self, name):
        return rg.Workspace.create(f"{name}-{self.id().rsplit('.', 1)[-1].lower()}")

    def annotator(self, name, workspace):
        return rg.User.create(username=name, first_name=name, password="a long password",
                              role="annotator", workspaces=[workspace.name])

    def answer(self, user, record, status="submitted", **values):
        code, answer = self.server.call(
            "POST", f"/api/v1/records/{record.id}/responses",
            {"status": status, "values": {name: {"value": value}
                                          for name, value in values.items()}}, key=user.api_key)
        self.assertEqual(201, code, answer)


class Corrections(Loop):
    def pushed(self, workspace):
        dataset = rg.FeedbackDataset(
            guidelines="Please, correct the answer until it reads like an email of our support.",
            fields=[rg.TextField(name="prompt", title="Question of the customer")],
            questions=[rg.TextQuestion(name="response", title="Corrected response",
                                       description="Edit the suggested answer", required=True)],
            metadata_properties=[rg.TermsMetadataProperty(name="topic", title="Topic")])
        dataset.add_records([
            rg.FeedbackRecord(fields={"prompt": prompt}, metadata={"topic": topic},
                              suggestions=[{"question_name": "response", "agent": "falcon-7b",
                                            "value": f"A draft for: {prompt}"}])
            for prompt, topic in zip(PROMPTS, ["technical", "account", "billing", "parcels"])])
        return dataset.push_to_argilla(name="customer-support", workspace=workspace.name)

    def test_from_guidelines_to_training_rows(self):
        workspace = self.workspace("support")
        remote = self.pushed(workspace)
        self.assertEqual(4, len(remote))
        ana, ben = self.annotator("ana", workspace), self.annotator("ben", workspace)
        records = list(remote.records)
        self.assertEqual(PROMPTS, [record.fields["prompt"] for record in records])
        self.assertEqual(("A draft for: " + PROMPTS[0], "falcon-7b"),
                         (records[0].suggestions[0].value, records[0].suggestions[0].agent))
        self.answer(ana, records[0], response="Dear customer, ...")
        self.answer(ana, records[1], response="Dear customer, press reset.")
        self.answer(ben, records[2], response="Dear cus", status="draft")
        self.answer(ben, records[3], status="discarded")

        feedback = rg.FeedbackDataset.from_argilla("customer-support", workspace=workspace.name)
        self.assertEqual("Please, correct the answer until it reads like an email of our support.",
                         feedback.guidelines)
        self.assertEqual(["prompt"], [field.name for field in feedback.fields])
        self.assertEqual(("Corrected response", "Edit the suggested answer"),
                         (feedback.questions[0].title, feedback.questions[0].description))
        found = list(feedback.records)
        self.assertEqual([["submitted"], ["submitted"], ["draft"], ["discarded"]],
                         [[one.status.value for one in record.responses] for record in found])
        self.assertEqual(str(ana.id), str(found[0].responses[0].user_id))

        def formatting_func(sample):
            submitted = [one for one in sample["response"] if one["status"] == "submitted"]
            if submitted:
                return f"### Question: {sample['prompt']}\n### Answer: {submitted[0]['value']}"

        task = TrainingTask.for_supervised_fine_tuning(formatting_func=formatting_func)
        rows = feedback.prepare_for_training(framework="trl", task=task)
        self.assertEqual([f"### Question: {PROMPTS[0]}\n### Answer: Dear customer, ...",
                          f"### Question: {PROMPTS[1]}\n### Answer: Dear customer, press reset."],
                         rows["text"])

        submitted = feedback.filter_by(response_status="submitted")
        self.assertEqual(PROMPTS[:2], [record.fields["prompt"] for record in submitted.records])
        pending = feedback.filter_by(response_status=["draft", "discarded"])
        self.assertEqual(PROMPTS[2:], [record.fields["prompt"] for record in pending.records])
        by_topic = feedback.filter_by(
            metadata_filters=rg.TermsMetadataFilter(name="topic", values=["billing", "account"]))
        self.assertEqual(PROMPTS[1:3], [record.fields["prompt"] for record in by_topic.records])
        ordered = feedback.sort_by([rg.SortBy(field="metadata.topic", order="desc")])
        self.assertEqual(["technical", "parcels", "billing", "account"],
                         [record.metadata["topic"] for record in ordered.records])
        local = feedback.pull(max_records=2)
        self.assertEqual(PROMPTS[:2], [record.fields["prompt"] for record in local.records])
        feedback.delete()
        self.assertEqual([], rg.FeedbackDataset.list(workspace=workspace.name))


class Preferences(Loop):
    NAMES = ["response-1", "response-2", "response-3"]

    def pushed(self, workspace):
        dataset = rg.FeedbackDataset(
            guidelines="Rank the responses from best (1) to worst; equals may share a rank.",
            fields=[rg.TextField(name=name) for name in ["prompt", *self.NAMES]],
            questions=[rg.RankingQuestion(
                name="preference", title="Order the responses from best to worst",
                values={name: name.replace("-", " ").title() for name in self.NAMES})])
        dataset.add_records([
            rg.FeedbackRecord(
                fields={"prompt": prompt, **{name: f"{name} to {i}" for name in self.NAMES}},
                suggestions=[{"question_name": "preference", "agent": "reward-0", "value": [
                    {"value": name, "rank": rank} for rank, name in enumerate(self.NAMES, 1)]}],
                external_id=f"p-{i}")
            for i, prompt in enumerate(PROMPTS)])
        return dataset.push_to_argilla(name="preference", workspace=workspace.name)

    def ranks(self, values):
        return [{"value": name, "rank": rank} for name, rank in zip(self.NAMES, values)]

    def test_from_ranks_to_pairs(self):
        workspace = self.workspace("preference")
        remote = self.pushed(workspace)
        people = [self.annotator(name, workspace) for name in ("carl", "dora", "emil")]
        records = list(remote.records)
        self.assertEqual([f"p-{i}" for i in range(4)], [one.external_id for one in records])
        given = {0: [(3, 1, 2), (3, 1, 2), (2, 1, 3)], 1: [(1, 2, 3), (1, 3, 2), (1, 2, 3)],
                 2: [(2, 3, 1), (3, 2, 1), (2, 3, 1)], 3: [(1, 1, 2), (1, 1, 2)]}
        for index, answers in given.items():
            for person, ranks in zip(people, answers):
                self.answer(person, records[index], preference=self.ranks(ranks))

        feedback = rg.FeedbackDataset.from_argilla("preference", workspace=workspace.name)
        found = list(feedback.records)
        for index, answers in given.items():
            stored = [{one.value: one.rank for one in response.values["preference"].value}
                      for response in found[index].responses]
            self.assertEqual([dict(zip(self.NAMES, ranks)) for ranks in answers], stored)
        self.assertEqual([("response-1", 1), ("response-2", 2), ("response-3", 3)],
                         [(one["value"], one["rank"]) if isinstance(one, dict)
                          else (one.value, one.rank)
                          for one in found[0].suggestions[0].value])

        def formatting_func(sample):
            answers = [dict(zip(one["value"]["value"], one["value"]["rank"]))
                       for one in sample["preference"]]
            mean = {name: sum(one[name] for one in answers) / len(answers) for name in self.NAMES}
            for better in self.NAMES:
                for worse in self.NAMES:
                    if mean[better] < mean[worse]:
                        yield (sample[better], sample[worse])

        task = TrainingTask.for_reward_modeling(formatting_func=formatting_func)
        pairs = feedback.prepare_for_training(framework="trl", task=task)
        wanted = {("response-2 to 0", "response-3 to 0"), ("response-3 to 0", "response-1 to 0"),
                  ("response-2 to 0", "response-1 to 0"), ("response-1 to 3", "response-3 to 3"),
                  ("response-2 to 3", "response-3 to 3")}
        made = set(zip(pairs["chosen"], pairs["rejected"]))
        self.assertLessEqual(wanted, made)
        self.assertNotIn(("response-1 to 3", "response-2 to 3"), made)
        self.assertEqual(3 * 3 + 2, len(pairs))

        unified = feedback.pull().compute_unified_responses(
            question=feedback.question_by_name("preference"), strategy="mean")
        self.assertEqual(4, len(unified.records))
