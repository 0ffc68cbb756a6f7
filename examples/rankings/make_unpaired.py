"""Writes unpaired.jsonl and joint.jsonl: the judgements of support.jsonl and ../support/labelled.jsonl one by one.

Unpaired rows say whether an answer meets all five criteria. Joint rows set a question with one of its best answers
against the next question with its worst.

  make_unpaired.py
"""

import json
import pathlib

HERE = pathlib.Path(__file__).parent


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(name, rows):
    (HERE / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


rankings = read(HERE / "support.jsonl")
judged = {row["text"]: row for row in read(HERE.parent / "support/labelled.jsonl")}
unpaired, joint = [], []
for row, other in zip(rankings, rankings[1:] + rankings[:1]):
    for answer in row["completions"]:
        label = judged[answer[0]["content"]]
        unpaired.append({"id": label["id"], "prompt": row["prompt"], "completion": answer, "label": label["meets"]})
    best, worst = row["ranks"].index(1), other["ranks"].index(max(other["ranks"]))
    joint.append({"id": f"{row['id']}-{other['id']}", "chosen_prompt": row["prompt"], "chosen": row["completions"][best],
                  "rejected_prompt": other["prompt"], "rejected": other["completions"][worst]})
write("unpaired.jsonl", unpaired)
write("joint.jsonl", joint)
