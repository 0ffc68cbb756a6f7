"""Rows of the layouts that compare or score answers, written for this project, and the examples that
each must become: stated by hand from the published descriptions, not by running an importer."""

from common import chat, layout, source, thing

OFFENDS = "holds text that is meant to offend: keep it out of demonstrations"
NOT_FOR_TRAINING = "its authors ask that nobody trains on it: use it to measure agreement"
FOR_RESEARCH = "its authors ask that models trained on it are not used outside of research"
EVALUATES = ("its instructions are those of a leader board: a model trained on them cannot be judged "
             "by it")
WITHOUT_ITS_TEXT = "holds neither the story nor the question: use it to measure agreement"
HUMAN = "\n\nHuman: Is rye a grass?\n\nAssistant:"


def reply(number, rank, **more):
    return {"message_id": f"m{number}", "parent_id": "q", "text": f"Answer {number}.",
            "role": "assistant", "lang": "en", "rank": rank, "synthetic": False, **more}


def oasst():
    # The published set's flat rows: ranks are floats, labels parallel lists.
    rows = [{"message_id": "q", "parent_id": None, "text": "Why rye?", "role": "prompter",
             "lang": "en", "rank": None, "message_tree_id": "q", "deleted": False},
            {**reply(1, 1.0), "message_tree_id": "q",
             "labels": {"name": ["quality"], "value": [0.25], "count": [3]}},
            {**reply(2, 0.0, model_name="tiny", synthetic=True), "message_tree_id": "q",
             "labels": None},
            {**reply(3, None), "message_tree_id": "q", "labels": None}]
    want = {"prompt": chat("Why rye?"),
            "completions": [chat(a="Answer 1."), chat(a="Answer 2."), chat(a="Answer 3.")],
            "ranks": [2, 1, None], "axes": {"quality": [0.25, None, None]},
            "source": source("OASST1", "q", "Apache-2.0", "people, tiny", "holds text that offends"),
            "message_tree_id": "q", "message_ids": ["m1", "m2", "m3"], "lang": "en"}
    return layout("oasst", rows, [want], warns=["offends"])


def hh():
    pair = layout(
        "hh_rlhf",
        [{"chosen": HUMAN + " Yes.", "rejected": HUMAN + " No."},
         {"chosen": HUMAN + " Yes.", "rejected": "\n\nHuman: Other?\n\nAssistant: No."}],
        [{"prompt": chat("Is rye a grass?"), "chosen": chat(a="Yes."), "rejected": chat(a="No."),
          "source": source("HH-RLHF", 1, "MIT", "Anthropic's models of 2022", OFFENDS)}],
        dropped={"the transcripts part before the last answer": 1}, warns=["offend"])
    red = layout(
        "hh_red_team",
        [{"transcript": HUMAN + " Yes.", "min_harmlessness_score_transcript": -1.5, "rating": 4.0,
          "red_team_member_id": 7, "tags": None}],
        [{"messages": chat("Is rye a grass?", "Yes."), "annotator": "7",
          "source": source("HH-RLHF red team", 1, "MIT", "Anthropic's models of 2022", OFFENDS),
          "min_harmlessness_score_transcript": -1.5, "rating": 4.0, "tags": None}], warns=["offend"])
    return [pair, red]


def pandalm():
    about = ("the authors of its instructions ask that nobody trains on them: use it to measure "
             "agreement")
    rows = [{"idx": 3, "motivation_app": "Mail", "cmp_key": "a_b", "instruction": "Shorten.",
             "input": "Long text.", "response1": True, "response2": "Text.", "annotator1": 0,
             "annotator2": 2, "annotator3": None}]
    base = {"prompt": chat("Shorten.\n\nLong text."),
            "completions": [chat(a="True"), chat(a="Text.")],
            "source": source("PandaLM test set", "3", "Apache-2.0", "a, b", about),
            "motivation_app": "Mail", "cmp_key": "a_b"}
    return layout("pandalm", rows,
                  [{"id": "3/annotator1", **base, "ranks": [1, 1], "annotator": "annotator1"},
                   {"id": "3/annotator2", **base, "ranks": [2, 1], "annotator": "annotator2"}],
                  notes={"a response that is true or false was read as a text": 1},
                  warns=["nobody trains"])


def summarize():
    info = {"id": "t3_1", "post": "It rained.", "title": "Rain", "subreddit": "weather"}
    rows = [{"info": info, "summaries": [{"text": " wet", "policy": "ref", "note": None},
                                         {"text": " dry", "policy": "sup", "note": "wrong"}],
             "choice": 0, "worker": "w1", "batch": "batch3", "split": "train",
             "extra": {"confidence": 8}},
            {"info": {"id": "c1", "article": "It rained.", "title": "Rain", "site": "news"},
             "split": "test", "summary": {"text": "Wet.", "policy": "ref", "note": None,
                                          "axes": {"overall": 5, "accuracy": None}},
             "worker": "w2", "batch": "b"}]
    licence = "Modified MIT; TL;DR texts CC BY 4.0"
    name = "summarize_from_feedback"
    return layout(name, rows, [
        {"id": "t3_1", "prompt": "SUBREDDIT: r/weather\n\nTITLE: Rain\n\nPOST: It rained.\n\nTL;DR:",
         "chosen": " wet", "rejected": " dry", "annotator": "w1",
         "source": source(name, "t3_1", licence, "ref, sup"),
         "info": {"title": "Rain", "subreddit": "weather"}, "choice": 0,
         "policies": ["ref", "sup"], "notes": [None, "wrong"], "confidence": 8,
         "batch": "batch3", "split": "train"},
        {"id": "c1", "prompt": "Article:\nIt rained.\n\nTL;DR:\n", "completion": "Wet.",
         "axes": {"overall": 5, "accuracy": None}, "annotator": "w2",
         "source": source(name, "c1", licence, "ref"), "info": {"title": "Rain", "site": "news"},
         "split": "test", "batch": "b"}])


def ultrafeedback():
    def answer(text, model, **ratings):
        kinds = ["instruction_following", "honesty", "truthfulness", "helpfulness"]
        return {"model": model, "response": text, "overall_score": 10.0,
                "annotations": {kind: {"Rating": ratings.get(kind, "N/A")} for kind in kinds}}
    rows = [{"source": "evol", "instruction": "Do it.", "models": ["a", "b", "c"],
             "correct_answers": ["None"],
             "completions": [answer("A", "a", honesty="2", helpfulness="4"),
                             answer("B", "b", honesty="3"), answer("C", "c", honesty="5")]}]
    none = [None, None, None]
    whole = layout("ultrafeedback", rows, [
        {"prompt": chat("Do it."), "completions": [chat(a="A"), chat(a="B"), chat(a="C")],
         "ranks": [2, 2, 1], "scores": [3.0, 3.0, 5.0],
         "axes": {"instruction_following": none, "honesty": [2, 3, 5], "truthfulness": none,
                  "helpfulness": [4, None, None]},
         "source": source("UltraFeedback", 1, "MIT", "a, b, c"), "models": ["a", "b", "c"],
         "correct_answers": ["None"], "original_source": "evol"}])
    pairs = [{"source": "evol", "prompt": "Do it.", "chosen": chat("Do it.", "Done."),
              "chosen-rating": 4.5, "chosen-model": "a", "rejected": chat("Do it.", "No."),
              "rejected-rating": 2.0, "rejected-model": "b"},
             {"prompt": "Do it.", "prompt_id": "p2", "messages": chat("Do it.", "Done."),
              "chosen": chat("Do it.", "Done."),
              "rejected": chat("Do it.", "No."), "score_chosen": 3.0, "score_rejected": 3.0}]
    binarized = layout("ultrafeedback_binarized", pairs, [
        {"prompt": chat("Do it."), "chosen": chat(a="Done."), "rejected": chat(a="No."),
         "source": source("UltraFeedback, binarised", 1, "MIT", "a, b"), "chosen-rating": 4.5,
         "chosen-model": "a", "rejected-rating": 2.0, "rejected-model": "b",
         "original_source": "evol"}], dropped={"both answers have the same score": 1})
    return [whole, binarized]


def gpt4_comparisons():
    def scored(text, model, score):
        return {"response": text, "source": model, "score": score}
    rows = [{"user_input": "Count.", "responses_and_scores": [
                scored("One.", "gpt4", 9.0), scored("Two.", "icm-1.3b", 7.0),
                scored("Three.", "text-davinci-003", 9.0)]},
            {"user_input": "Count.", "completion_a": "One.", "completion_b": "None."}]
    name, licence = "GPT-4-LLM comparisons", "CC BY-NC 4.0"
    return layout("gpt4_llm_comparisons", rows, [
        {"prompt": chat("Count."), "completions": [chat(a="One."), chat(a="Two."),
                                                   chat(a="Three.")],
         "ranks": [1, 2, 1], "scores": [9.0, 7.0, 9.0],
         "source": source(name, 1, licence, "gpt4, icm-1.3b, text-davinci-003; scored by gpt-4")},
        {"prompt": chat("Count."), "completions": [chat(a="One."), chat(a="None.")],
         "ranks": [1, 2], "source": source(name, 2, licence, "gpt-4 and other models")}],
        warns=["forbids commercial use", "by gpt4, icm-1.3b", "by gpt-4 and other models"])


def alpaca_farm():
    base = {"instruction": "Name a metal.", "input": "", "output_1": "Tin.", "output_2": "Oak."}
    rows = [{**base, "preference": 1, "raw_preference": 1},
            {**base, "input": "It floats.", "output_1": "Tin.", "output_2": "Sodium.",
             "preference": 2},
            {**base, "preference": 0, "annotator": "simulated_1"},
            {**base, "preference": 2, "annotator_index": 3, "dataset": "koala"},
            {**base, "preference": None},
            {**base, "preference": 3},
            {**base, "output_2": "Tin.", "preference": 1}]
    def want(row, ranks, second="Oak.", prompt="Name a metal.", **kept):
        return {"prompt": chat(prompt), "completions": [chat(a="Tin."), chat(a=second)],
                "ranks": ranks, "source": source("AlpacaFarm", row, "CC BY-NC 4.0",
                                                 "models trained on Alpaca", FOR_RESEARCH), **kept}
    return layout("alpaca_farm", rows, [
        want(1, [1, 2], raw_preference=1),
        want(2, [2, 1], "Sodium.", "Name a metal.\n\nIt floats."),
        want(3, [1, 1], annotator="simulated_1"),
        want(4, [2, 1], annotator="3", dataset="koala"),
        want(7, [1, 2], "Tin.")],
        dropped={"nobody compared the answers": 1, "row that does not fit the layout": 1},
        notes={"both answers are equal": 1},
        warns=["outside of research", "forbids commercial use"])


def alpaca_eval():
    pair = {"instruction": "Name a metal.", "output_1": "Tin.", "generator_1": "small_model",
            "dataset": "koala", "output_2": "Oak.", "generator_2": "gpt4_turbo"}
    rows = [{**pair, "annotator": "weighted_judge", "preference": 1.25, "time_per_example": 0.5,
             "raw_completion": {"text": "m", "logprobs": {"content": []}}},
            {**pair, "annotator": "judge", "preference": 2.0},
            {**pair, "annotator": "judge", "preference": 1.5},
            {**pair, "annotator": "judge", "preference": None},
            {"instruction": "Name a metal.", "output": "Tin.", "generator": "small_model",
             "dataset": "koala", "datasplit": "eval"},
            {"instruction": "Name a metal.", "output": "", "generator": "small_model"},
            {"instruction": "Name a metal.", "output": 5, "generator": "small_model"}]
    def from_(row, models):
        return source("AlpacaEval", row, "CC BY-NC 4.0", models, EVALUATES)
    def want(row, ranks, annotator, **kept):
        return {"prompt": chat("Name a metal."), "completions": [chat(a="Tin."), chat(a="Oak.")],
                "ranks": ranks, "annotator": annotator,
                "source": from_(row, "small_model, gpt4_turbo"), "dataset": "koala", **kept}
    return layout("alpaca_eval", rows, [
        want(1, [1, 2], "weighted_judge", scores=[0.75, 0.25], time_per_example=0.5),
        want(2, [2, 1], "judge"), want(3, [1, 1], "judge"),
        {"prompt": chat("Name a metal."), "completion": chat(a="Tin."),
         "source": from_(5, "small_model"), "dataset": "koala", "datasplit": "eval"},
        {"prompt": chat("Name a metal."), "completion": chat(a=""),
         "source": from_(6, "small_model")}],
        dropped={"nobody compared the answers": 1, "row that does not fit the layout": 1},
        notes={"an empty answer": 1},
        warns=["leader board", "forbids commercial use", "by small_model, gpt4_turbo"])


def webgpt():
    def half(answer, score):
        return {"question": {"dataset": "eli5", "id": "q1", "full_text": "Why rain?"},
                "quotes": {"title": ["Rain"], "extract": ["Clouds."]}, "answer": answer,
                "tokens": {"prefix": [1], "completion": [2]}, "score": score}
    rows = [[half("Clouds.", -0.5), half("Sun.", 0.5)],
            {"question": {"dataset": "eli5", "id": "q2", "full_text": "Why snow?"},
             "quotes_0": {"title": [], "extract": []}, "answer_0": "Cold.",
             "tokens_0": {"prefix": [], "completion": []}, "score_0": 0.0, "quotes_1": None,
             "answer_1": "Ice.", "tokens_1": None, "score_1": 0.0}]
    def want(row, text, answers, ranks, scores, quotes):
        return {"prompt": chat(text), "completions": [chat(a=one) for one in answers],
                "ranks": ranks, "scores": scores,
                "source": source("WebGPT comparisons", row, "", "WebGPT (gpt-3)"),
                "question": {"dataset": "eli5", "id": f"q{row}"}, "quotes": quotes}
    rain = {"title": ["Rain"], "extract": ["Clouds."]}
    return layout("webgpt", rows, [
        want(1, "Why rain?", ["Clouds.", "Sun."], [2, 1], [-0.5, 0.5], [rain, rain]),
        want(2, "Why snow?", ["Cold.", "Ice."], [1, 1], [0.0, 0.0],
             [{"title": [], "extract": []}, None])],
        notes={"neither answer was preferred: a tie": 1}, warns=["no licence", "competing model"])


def shp():
    row = {"post_id": "p", "domain": "askculinary_train", "upvote_ratio": 0.9,
           "history": "How long do eggs boil?", "c_root_id_A": "a1", "c_root_id_B": "b1",
           "score_A": 5, "score_B": 20, "human_ref_A": "An hour.", "human_ref_B": "Ten minutes.",
           "labels": 0, "score_ratio": 4.0}
    kept = {key: row[key] for key in row if key not in
            ("history", "human_ref_A", "human_ref_B", "labels")}
    return layout("shp", [row, {**row, "labels": 2}], [
        {"prompt": chat("How long do eggs boil?"),
         "completions": [chat(a="An hour."), chat(a="Ten minutes.")], "ranks": [2, 1],
         "source": source("SHP", "a1/b1", "", "people", "texts of Reddit, whose terms apply"),
         **kept}], dropped={"row that does not fit the layout": 1}, warns=["no licence", "Reddit"])


def helpsteer():
    axes = {"helpfulness": 4, "correctness": 4, "coherence": 4, "complexity": 1, "verbosity": 0}
    rows = [{"prompt": "Name a herb.", "response": "Dill.", **axes},
            {"prompt": "Name a herb.", "response": "Salt.",
             **{name: [value, 0] for name, value in axes.items()}}]
    def want(row, answer, values, annotator=None):
        named = {"annotator": annotator} if annotator else {}
        return {"prompt": chat("Name a herb."), "completion": chat(a=answer), "axes": values,
                **named, "source": source("HelpSteer", row, "CC BY 4.0", "")}
    zero = {name: 0 for name in axes}
    rated = layout("helpsteer", rows, [want(1, "Dill.", axes), want(2, "Salt.", axes, "annotator1"),
                                       want(2, "Salt.", zero, "annotator2")])
    pairs = [{"split": "train", "prompt": "Name a herb.", "response_1": "Dill.",
              "response_2": "Salt.", "preference_strength": -2, "preference_statement": "1 is."},
             {"domain": "general", "context": chat("Name a herb."), "response1": "Salt.",
              "response2": "Dill.", "overall_preference": 3, "individual_preference": []},
             {"prompt": "Name a herb.", "response_1": "Dill.", "response_2": "Mint.",
              "preference_strength": 0}]
    def pair(row, answers, ranks, **kept):
        return {"prompt": chat("Name a herb."), "completions": [chat(a=one) for one in answers],
                "ranks": ranks, "source": source("HelpSteer", row, "CC BY 4.0", ""), **kept}
    preferred = layout("helpsteer_preference", pairs, [
        pair(1, ["Dill.", "Salt."], [1, 2], preference_strength=-2, split="train",
             preference_statement="1 is."),
        pair(2, ["Salt.", "Dill."], [2, 1], overall_preference=3, domain="general",
             individual_preference=[]),
        pair(3, ["Dill.", "Mint."], [1, 1], preference_strength=0)])
    return [rated, preferred]


def squality():
    def review(worker, rating, rank, spans):
        return {"annotations": spans, "system": "x", "worker_id": worker,
                "correctness-rating": rating, "selection-rating": None, "overall-rating": rating,
                "correctness-rank": rank, "selection-rank": rank, "overall-rank": rank}
    spans = [{"annotation": ["good"], "selection": "It ends."}]
    row = {"passage-id": "5", "questions": {"0": {
        "bart": {"response": "It ends.", "reviews": [review("3", 10, 2, spans),
                                                     review("6", 20, 1, [])], "overall": {}},
        "human": {"response": "All live.", "reviews": [review("3", 90, 1, [])]}}}}
    def want(worker, ranks, ratings, marks):
        return {"id": "5/0", "prompt": chat("Story 5, question 0"),
                "completions": [chat(a="It ends."), chat(a="All live.")], "ranks": ranks,
                "axes": {"correctness": ratings, "selection": [None, None], "overall": ratings},
                "annotator": worker,
                "source": source("SQuALITY evaluation", "5/0", "CC BY 4.0", "bart, human",
                                 WITHOUT_ITS_TEXT), "annotations": marks}
    return layout("squality", [row], [want("3", [2, 1], [10, 90], [spans, []]),
                                      want("6", [1, None], [20, None], [[], []])],
                  warns=["neither the story"])


def sharegpt_pairs():
    rows = [{"conversations": [thing("system", "Be kind."), thing("human", "Hi")],
             "chosen": thing("gpt", "Hello!"), "rejected": thing("gpt", "What?")},
            {"chosen_messages": [{"role": "user", "loss_weight": 0.0,
                                  "content": [{"type": "text", "value": "Hi"}]},
                                 {"role": "assistant", "content": [{"type": "text", "value": "Yes"}],
                                  "loss_weight": 1.0}],
             "rejected_messages": chat("Hi", "No")},
            {"chosen_messages": chat("Hi", "Yes"), "rejected_messages": chat("Ho", "No")}]
    system = [{"role": "system", "content": "Be kind."}, *chat("Hi")]
    weighted = [{"role": "user", "loss_weight": 0.0, "content": "Hi"}]
    return layout("sharegpt_pair", rows, [
        {"prompt": system, "chosen": chat(a="Hello!"), "rejected": chat(a="What?"),
         "source": source("", 1, "", "")},
        {"prompt": weighted, "chosen": [{"role": "assistant", "content": "Yes", "loss_weight": 1.0}],
         "rejected": chat(a="No"), "source": source("", 2, "", "")}],
        dropped={"the conversations part before the last answer": 1}, warns=["no licence"])


def thumbs():
    rows = [{"messages": chat("Hi", "Yes"), "label": True},
            {"conversations": [thing("human", "Hi"), thing("gpt", "No")], "kto_tag": False},
            {"messages": chat("Hi"), "label": True}]
    def want(row, answer, label):
        return {"prompt": chat("Hi"), "completion": chat(a=answer), "label": label,
                "source": source("", row, "", "")}
    return layout("conversation_thumb", rows, [want(1, "Yes", True), want(2, "No", False)],
                  dropped={"a conversation does not end with an answer": 1}, warns=["no licence"])


LAYOUTS = [oasst(), *hh(), pandalm(), summarize(), *ultrafeedback(), gpt4_comparisons(), alpaca_farm(),
           alpaca_eval(), webgpt(),
           shp(), *helpsteer(), squality(), sharegpt_pairs(), thumbs()]
