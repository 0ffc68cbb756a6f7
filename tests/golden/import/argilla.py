"""Records of Argilla's exports in their four layouts, as judged.py has those of other sets."""

from common import chat, layout, source


def order(row, ranks, annotator, number="r1", **more):
    return {"id": number, "prompt": chat("Which?"),
            "completions": [chat(a="Rye."), chat(a="Oats.")], "ranks": ranks,
            "annotator": annotator, "source": source("", number, "", ""), **more}


FIELDS = {"prompt": "Which?", "answer_1": "Rye.", "answer_2": "Oats."}


def nested():
    """records.json of SDK 2: a ranking's value is a bare list, a response has no status."""
    rows = [{"id": "r1", "fields": FIELDS, "metadata": {"split": "a"}, "vectors": {},
             "suggestions": {"order": {"value": ["answer_1", "answer_2"], "score": None,
                                       "agent": "m"}},
             "responses": {"order": [{"value": ["answer_2", "answer_1"], "user_id": "u1"}],
                           "why": [{"value": "Softer.", "user_id": "u1"}]},
             "status": "completed", "_server_id": "s1"},
            {"id": "r2", "fields": FIELDS, "metadata": {}, "responses": {}, "suggestions": {
                "order": {"value": ["answer_1", "answer_2"]}}}]
    want = order(1, [1, 2], "u1", metadata={"split": "a"}, answers={"why": "Softer."})
    want["completions"] = [chat(a="Oats."), chat(a="Rye.")]
    return layout("argilla", rows, [want], dropped={"nobody has answered": 1},
                  notes={"an order without ranks, taken as best first; Argilla's SDK 2 loses ranks":
                         1, "an answer without a status, taken as submitted": 1},
                  warns=["no licence"])


def flat():
    """A data set of the hub, SDK 2: two texts to choose from, so the question is named."""
    rows = [{"id": "r1", "status": "completed", "_server_id": "s1", "instruction": "Say it.",
             "draft": "It.", "better.responses": ["That.", "This.", "Those."],
             "better.responses.users": ["u1", "u2", "u3"],
             "better.responses.status": ["submitted", "draft", "discarded"],
             "tone.responses": ["kind"], "tone.responses.users": ["u1"],
             "tone.responses.status": ["submitted"], "better.suggestion": "It.",
             "better.suggestion.score": None, "better.suggestion.agent": "m"}]
    want = {"id": "r1", "prompt": chat("Say it."), "completion": chat(a="That."),
            "annotator": "u1", "source": source("", "r1", "", ""),
            "fields": {"status": "completed", "draft": "It."}, "answers": {"tone": "kind"}}
    named = layout("argilla", rows, [want], dropped={"an answer that is not submitted": 2},
                   options={"question": "better"}, warns=["no licence"])
    unnamed = layout("argilla", rows, [], dropped={
        "several questions have texts: name one of them by --question": 1})
    return [named, unnamed]


def older():
    """A data set of SDK 1: answers are lists, or a dict of lists as Parquet files have them."""
    ranked = {"rank": [2, 1], "value": ["answer_1", "answer_2"]}
    rows = [{**FIELDS, "order": [{"user_id": "u1", "value": ranked, "status": "submitted"}],
             "order-suggestion": None, "order-suggestion-metadata": {"type": None},
             "external_id": "r1", "metadata": "{}"},
            {**FIELDS, "order": {"user_id": ["u2"], "value": [ranked], "status": ["submitted"]},
             "order-suggestion": None, "external_id": "r2"}]
    return layout("argilla", rows, [order(1, [2, 1], "u1", fields={"metadata": "{}"}),
                                    order(2, [2, 1], "u2", "r2")], warns=["no licence"])


def ours():
    """Attune's own export: ties, an unranked answer, who answered, under which guidelines."""
    ranking = [{"value": "answer_1", "rank": 1}, {"value": "answer_2", "rank": 1}]
    rows = [{"id": "r1", "external_id": None, "status": "completed", "fields": FIELDS,
             "metadata": {"licence": "CC0-1.0", "source_dataset": "herbs", "source_row": "7",
                          "generated_by": "tiny", "warning": "be kind"}, "suggestions": [],
             "responses": [{"id": "x", "user_id": "u1", "annotator": "ann", "status": "submitted",
                            "values": {"order": {"value": ranking}}, "guideline_version": 2},
                           {"id": "y", "user_id": "u2", "annotator": "bob", "status": "discarded",
                            "values": {"order": {"value": ranking}}, "guideline_version": None}]}]
    want = order(1, [1, 1], "ann", guideline_version="2")
    want["source"] = source("herbs", 7, "CC0-1.0", "tiny", "be kind")
    return layout("argilla", rows, [want], dropped={"an answer that is not submitted": 1},
                  warns=["be kind"])


LAYOUTS = [nested(), *flat(), older(), ours()]
