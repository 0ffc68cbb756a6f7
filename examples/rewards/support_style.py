"""A reward command: how much of the house style a support mail keeps, from 0 to 1.

Reads lines {"id", "prompt", "completion"} and writes lines {"id", "reward"}; see
docs/formats/reward-command.md. The completion is a text, or a list of messages.
"""

import json
import re
import sys

LONGEST = 220  # words


def text_of(completion):
    if isinstance(completion, str):
        return completion
    return "\n".join(message["content"] for message in completion)


def reward(text):
    checks = [
        text.lstrip().startswith("Subject:"),
        re.search(r"^(Hello|Dear)\b", text, re.MULTILINE) is not None,
        re.search(r"\b(thank you|thanks)\b", text, re.IGNORECASE) is not None,
        len(re.findall(r"^\d+\. ", text, re.MULTILINE)) >= 2,
        re.search(r"\bif\b.*\b(persists|still|again)\b", text, re.IGNORECASE) is not None,
        0 < len(text.split()) <= LONGEST,
    ]
    return sum(checks) / len(checks)


for line in sys.stdin:
    row = json.loads(line)
    print(json.dumps({"id": row["id"], "reward": reward(text_of(row["completion"]))}), flush=True)
