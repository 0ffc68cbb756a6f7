"""Writes fields.json: ids and loss masks of chains of hindsight, built from their description alone.

A chain is a list of fields. "[...]" fields are context (user marker, prompt, answer markers) and are
never trained; an answer is trained and so is the end-of-sequence token behind it. Forms of a pair:
p (good), n (bad), pn, np; a ranking takes the place of the pair with all its answers, best first or
worst first. Tokenizer: tests/golden/train/tiny.

  make_fields.py
"""

import json
import pathlib

import tokenizers
from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).parent
TOKENIZER = Tokenizer.from_file(str(HERE.parent / "train/tiny/tokenizer.json"))
EOS = TOKENIZER.token_to_id("</s>")
LEVELS = {"good": "A helpful answer:", "bad": "An unhelpful answer:"}


def glue(left, right):
    """One space at the seam, unless there is white space already."""
    return left + right if not left or not right or left[-1].isspace() or right[0].isspace() else left + " " + right


def spell(fields):
    """fields: (context, answer) pairs -> ids and mask."""
    ids, mask = [], []
    for context, answer in fields:
        text = glue(context, answer)
        coded = TOKENIZER.encode(text, add_special_tokens=False)
        for token, (_, end) in zip(coded.ids, coded.offsets):
            ids.append(token)
            mask.append(int(end > len(context)))
        ids.append(EOS)
        mask.append(1)
    return ids, mask


def chain(prompt, answers):
    """answers: (text, "good" or "bad") in order."""
    fields = []
    for index, (text, kind) in enumerate(answers):
        context = glue(glue("User:", prompt), LEVELS[kind]) if index == 0 else " " + LEVELS[kind]
        fields.append((context, text))
    return spell(fields)


def forms(prompt, ranked):
    """ranked: texts, best first. Levels: the upper half (and the middle) is good."""
    last = len(ranked) - 1
    marked = [(text, "good" if 2 * place <= last else "bad") for place, text in enumerate(ranked)]
    return {"p": chain(prompt, marked[:1]), "n": chain(prompt, marked[-1:]),
            "pn": chain(prompt, marked), "np": chain(prompt, marked[::-1])}


ROWS = [
    ({"prompt": "say yes:", "chosen": " yes, then.", "rejected": " no"}, [" yes, then.", " no"]),
    ({"prompt": "What is the\nbest way? ", "chosen": "The way that they took", "rejected": "a\nb"},
     ["The way that they took", "a\nb"]),
    ({"prompt": "x", "completions": ["middling", "the worst", "the best", "not judged", "good"],
      "ranks": [3, 4, 1, None, 2]}, ["the best", "good", "middling", "the worst"]),
    ({"prompt": "three", "completions": ["a", "b", "c"], "ranks": [2, 3, 1]}, ["c", "a", "b"]),
]

golden = {"versions": {"tokenizers": tokenizers.__version__}, "rows": []}
for row, ranked in ROWS:
    made = forms(row["prompt"], ranked)
    golden["rows"].append({"row": row, "forms": {name: {"ids": ids, "trained": mask}
                                                 for name, (ids, mask) in made.items()}})
with open(HERE / "fields.json", "w") as file:
    json.dump(golden, file)
    file.write("\n")
