"""A reward whose truth is known: how glad the words of a text are by a lexicon (word TAB mean valence TAB
...). s / sqrt(s^2 + 15) of the sum s of its words' valences, as VADER brings a sum into [-1, 1]; without
VADER's rules for negations and the like.

As a program a reward command (docs/formats/reward-command.md): lexicon_reward.py LEXICON.
"""

import json
import math
import re
import sys


def read_lexicon(path):
    with open(path, encoding="utf-8") as file:
        fields = (line.split("\t") for line in file)
        return {word: float(valence) for word, valence, *_ in fields}


def reward(lexicon, text):
    total = sum(lexicon.get(word, 0) for word in re.findall("[a-z']+", text.lower()))
    return total / math.sqrt(total * total + 15)


def main():
    lexicon = read_lexicon(sys.argv[1])
    for line in sys.stdin:
        row = json.loads(line)
        print(json.dumps({"id": row["id"], "reward": reward(lexicon, row["completion"])}), flush=True)


if __name__ == "__main__":
    main()
