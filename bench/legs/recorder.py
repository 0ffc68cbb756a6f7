"""A reward command (docs/formats/reward-command.md) that writes down the first COUNT answers it is asked
about and gives each a reward of zero: recorder.py FILE COUNT."""

import json
import sys


def main():
    path, count = sys.argv[1], int(sys.argv[2])
    with open(path, "w") as file:
        for number, line in enumerate(sys.stdin):
            row = json.loads(line)
            if number < count:
                file.write(json.dumps({"prompt": row["prompt"], "completion": row["completion"]}) +
                           "\n")
                file.flush()
            print(json.dumps({"id": row["id"], "reward": 0.0}), flush=True)


if __name__ == "__main__":
    main()
