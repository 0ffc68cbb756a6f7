"""Rows of instructions, conversations and texts, as judged.py has those of judged answers."""

from common import chat, layout, source, thing

BOOKS = "holds Books3, which was withdrawn: its authors' rights were never cleared"


def instruction(text, answer, where, **kept):
    return {"prompt": chat(text), "completion": chat(a=answer), "source": where, **kept}


def alpaca(name, dataset, licence, by, warns):
    rows = [{"instruction": "Add.", "input": "1 and 2", "output": "3"},
            {"instruction": "加法。", "input": "", "output": "三"},
            {"instruction": "Say.", "input": "<noinput>", "output": ""},
            {"instruction": "Say.", "input": None, "output": None},
            {"instruction": "Go on.", "input": "", "output": "Three.", "system": "Count.",
             "history": [["One?", "One."], ["Two?", "Two."]], "label": 2}]
    def where(row):
        return source(dataset, row, licence, by)
    earlier = [{"role": "system", "content": "Count."}, *chat("One?", "One."), *chat("Two?", "Two.")]
    return layout(name, rows, [
        instruction("Add.\n\n1 and 2", "3", where(1)), instruction("加法。", "三", where(2)),
        instruction("Say.", "", where(3)),
        {"prompt": earlier + chat("Go on."), "completion": chat(a="Three."), "source": where(5),
         "original_label": 2}],
        dropped={"row that does not fit the layout": 1},
        notes={"an empty answer": 1, "an input that says that there is none, left out": 1},
        warns=warns)


def alpaca_text():
    below = "Below is an instruction that describes a task"
    write = "Write a response that appropriately completes the request.\n\n### Instruction:\n"
    where = ("Alpaca", "CC BY-NC 4.0", "text-davinci-003")
    def want(row, prompt, answer):
        return {"prompt": prompt, "completion": answer,
                "source": source(where[0], row, where[1], where[2])}
    return layout("alpaca", [
        {"instruction": "Add.", "input": "1 and 2", "output": "3"},
        {"instruction": "Sing.", "input": "", "output": "La."},
        {"instruction": "Sing.", "input": "", "output": "La.", "history": [["Hi", "Ho"]]}], [
        want(1, f"{below}, paired with an input that provides further context. {write}Add.\n\n"
             "### Input:\n1 and 2\n\n### Response:", "3"),
        want(2, f"{below}. {write}Sing.\n\n### Response:", "La.")],
        dropped={"Alpaca's prompt has no place for a system text or earlier turns": 1},
        options={"prompt_style": "alpaca"}, warns=["commercial", "competing"])


def alpacas():
    both = ["forbids commercial use", "competing model"]
    return [alpaca("alpaca", "Alpaca", "CC BY-NC 4.0", "text-davinci-003", both),
            alpaca("alpaca_cleaned", "AlpacaDataCleaned", "CC BY-NC 4.0", "text-davinci-003", both),
            alpaca("gpt4_llm", "GPT-4-LLM", "CC BY-NC 4.0", "gpt-4", both),
            alpaca("gsm8k_alpaca", "GSM8K", "MIT", "people", []),
            alpaca("self_instruct_generated", "Self-Instruct, generated", "Apache-2.0",
                   "davinci (gpt-3)", ["competing model"]), alpaca_text()]


def gpteacher():
    rows = [{"instruction": "Act.", "input": "", "response": "I act."},
            {"instruction": "Call.", "input": "x", "response": "call(x)", "example_input": "y"}]
    return layout("gpteacher", rows, [
        instruction("Act.", "I act.", source("GPTeacher", 1, "MIT", "gpt-4")),
        instruction("Call.\n\nx", "call(x)", source("GPTeacher", 2, "MIT", "gpt-4"),
                    example_input="y")], warns=["competing model"])


def dolly():
    rows = [{"instruction": "When?", "context": "It began in 2000 [42] in May[7], see [a].",
             "response": "2000", "category": "closed_qa"},
            {"instruction": "Fish?", "context": "", "response": "Tope"}]
    name, licence = "databricks-dolly-15k", "CC BY-SA 3.0"
    plain = "When?\n\nIt began in 2000 [42] in May[7], see [a]."
    stripped = "When?\n\nIt began in 2000  in May, see [a]."
    def wants(context, dataset, terms):
        return [instruction(context, "2000", source(dataset, 1, terms, "people"),
                            category="closed_qa"),
                instruction("Fish?", "Tope", source(dataset, 2, terms, "people"))]
    return [layout("dolly", rows, wants(plain, name, licence), warns=["same terms"]),
            layout("dolly", rows, wants(stripped, name, licence), warns=["same terms"],
                   options={"strip_citations": True}),
            layout("oasst_flat", rows, wants(plain, "OASST1", "Apache-2.0"))]


def self_instruct():
    rows = [{"id": "seed_0", "name": "eggs", "instruction": "Suggest.", "is_classification": False,
             "instances": [{"input": "", "output": "Oats."}, {"input": "warm", "output": "Soup."}]},
            {"id": "seed_1", "instruction": "Suggest.", "instances": []}]
    where = source("Self-Instruct seed tasks", "seed_0", "Apache-2.0", "people")
    kept = {"name": "eggs", "is_classification": False}
    seeds = layout("self_instruct", rows, [
        {"id": "seed_0/0", **instruction("Suggest.", "Oats.", where, **kept)},
        {"id": "seed_0/1", **instruction("Suggest.\n\nwarm", "Soup.", where, **kept)}],
        dropped={"a task without an instance": 1})
    about = "its authors ask that nobody trains on it: use it to measure agreement"
    users = layout("self_instruct_eval", [
        {"id": "user_0", "motivation_app": "Mail", "instruction": "Shorten.",
         "instances": [{"input": "Long.", "output": "L."}]}], [
        {"id": "user_0", **instruction(
            "Shorten.\n\nLong.", "L.",
            source("Self-Instruct, user-oriented", "user_0", "Apache-2.0", "people", about),
            motivation_app="Mail")}], warns=["nobody trains"])
    return [seeds, users]


def gpt4all():
    rows = [{"prompt": "Is it so?", "response": "It is.", "source": "pacovaldez/stackoverflow"},
            {"prompt": "A review: fine. Good?", "response": "yes", "source": "bigscience/p3"},
            {"prompt": "Nothing?", "response": "", "source": ""}]
    def want(row, where):
        return instruction(rows[row - 1]["prompt"], rows[row - 1]["response"],
                           source("GPT4All", row, "Apache-2.0", "gpt-3.5-turbo"),
                           original_source=where)
    return layout("gpt4all", rows, [want(1, "pacovaldez/stackoverflow"), want(2, "bigscience/p3"),
                                    want(3, "")], notes={"an empty answer": 1},
                  warns=["competing model"])


def sharegpt():
    rows = [{"id": "a_0", "conversations": [thing("human", "Hi"), thing("chatgpt", "Hello")]},
            {"id": "b_0", "conversations": [thing("gpt", "More"), thing("human", "Why?")]},
            {"id": "c_0", "conversations": [thing("human", "Alone")]},
            {"id": "d_0", "conversations": []}]
    by = "ChatGPT (gpt-3.5-turbo and gpt-4)"
    return layout("sharegpt", rows, [
        {"id": "a_0", "messages": chat("Hi", "Hello"), "source": source("ShareGPT", "a_0", "", by)},
        {"id": "b_0", "messages": chat(a="More") + chat("Why?"),
         "source": source("ShareGPT", "b_0", "", by)}],
        dropped={"a conversation without an answer": 1, "row that does not fit the layout": 1},
        notes={"the conversation begins with an answer": 1,
               "the conversation does not end in an answer": 1},
        warns=["no licence", "competing model"])


def redpajama():
    web = "pages of the web, whose authors keep their rights"
    rows = [{"text": "A page.", "meta": "{'url': 'http://a.b', 'language': None, 'n': [1, 2.5]}",
             "red_pajama_subset": "common_crawl"},
            {"text": "A paper.", "meta": {"arxiv_id": "1234.5678", "language": "en"}},
            {"text": "A book.", "meta": "{\"short_book_title\": \"Rye\"}"},
            {"text": "Cut.", "meta": "{'url", "red_pajama_subset": "c4"},
            {"text": "Slim.", "meta": {"redpajama_set_name": "RedPajamaStackExchange"}},
            {"text": "A page of wikis.", "meta": {"url": "https://en.wikipedia.org/wiki/Rye"}}]
    def want(row, part, licence, warning, meta, **kept):
        return {"text": rows[row - 1]["text"],
                "source": source(f"RedPajama-Data-1T/{part}", row, licence, "people", warning),
                **kept, "meta": meta}
    return layout("redpajama", rows, [
        want(1, "common_crawl", "Common Crawl terms of use", web,
             {"url": "http://a.b", "language": None, "n": [1, 2.5]},
             red_pajama_subset="common_crawl"),
        want(2, "arxiv", "arXiv terms of use", "each paper has its own licence", rows[1]["meta"]),
        want(3, "book", "PG-19 Apache-2.0; Books3 none", BOOKS, {"short_book_title": "Rye"}),
        want(4, "c4", "ODC-BY 1.0", web, "{'url", red_pajama_subset="c4"),
        want(5, "stackexchange", "CC BY-SA 4.0", None, rows[4]["meta"]),
        want(6, "wikipedia", "CC BY-SA 3.0", None, rows[5]["meta"])],
        notes={"a \"meta\" that is neither JSON nor a Python dict, kept as a text": 1},
        warns=["crawl: pages", "c4: pages", "own licence", "Books3", "CC BY-SA 4.0", "CC BY-SA 3.0"])


def trl():
    rows = [{"prompt": "p", "chosen": "a", "rejected": "b", "source": "web"},
            {"prompt": "p", "completion": "c", "label": False}, {"prompt": "p", "chosen": "a"}]
    where = source("", 1, "", "")
    return layout("trl", rows, [
        {"prompt": "p", "chosen": "a", "rejected": "b", "source": where, "original_source": "web"},
        {"prompt": "p", "completion": "c", "label": False, "source": {**where, "row": "2"}}],
        dropped={"row that does not fit the layout": 1}, warns=["no licence"])


LAYOUTS = [*alpacas(), gpteacher(), *dolly(), *self_instruct(), gpt4all(), sharegpt(), redpajama(),
           trl()]
