"""Recipes of the kind that people publish for TRL, run as they are (tests/cases/recipes).

Their hub names are served by a hub on loopback: each model is the small one of tests/golden/train,
each data set a few rows in the layout that the recipe expects. cases.json says what comes out.
"""

import collections
import json
import pathlib
import re
import tempfile
import unittest

import hub_server
import programs

CASES = programs.ROOT / "tests/cases/recipes"
TINY = programs.ROOT / "tests/golden/train/tiny"
TEMPLATE = ("{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}</s>{% endfor %}"
            "{% if add_generation_prompt %}<|assistant|>{% endif %}")
WORDS = ["yes", "no", "the", "then", "maybe", "a", "that", "than"]
HAS_BF16 = bool(re.search(r"avx512_bf16|amx_bf16", pathlib.Path("/proc/cpuinfo").read_text()))


def setting(text, name):
    """A top-level scalar of a recipe."""
    found = re.search(rf"^{name}: *(\S+)$", text, re.MULTILINE)
    return found.group(1) if found else None


def row(kind, index, field):
    words = [WORDS[(index + k * k) % len(WORDS)] for k in range(3 + index % 4)]
    question, answer = f"say {words[0]}", " ".join(words)
    if kind == "text":
        return {field: answer, "label": index % 2}
    if kind == "pairs":
        return {"prompt": question + ":", "completion": " " + answer}
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"prompt_id": str(index), "messages": turns * (1 + index % 2)}


def rows_file(data, count):
    rows = [row(data["kind"], index, data.get("field")) for index in range(count)]
    return "".join(json.dumps(one) + "\n" for one in rows).encode()


def model_files():
    files = {path.name: path.read_bytes() for path in TINY.iterdir()}
    config = json.loads(files["config.json"])
    config["max_position_embeddings"] = 8192  # rotary: nothing else depends on it
    files["config.json"] = json.dumps(config).encode()
    files["chat_template.jinja"] = TEMPLATE.encode()
    return files


class RecipesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.hub = hub_server.Hub({}, name="nobody/nothing")
        self.addCleanup(self.hub.close)

    def serve(self, text, data):
        self.hub.add("models", setting(text, "model_name_or_path"), model_files())
        files = {"README.md": b"a card", data["train"]: rows_file(data, data["rows"])}
        if "test" in data:
            files[data["test"]] = rows_file(data, data["test_rows"])
        self.hub.add("datasets", setting(text, "dataset_name"), files)

    def attune(self, *words, text=""):
        settings = {"HF_ENDPOINT": self.hub.endpoint, "HF_HUB_CACHE": str(self.folder / "cache"),
                    "HF_TOKEN": "", "HF_HUB_OFFLINE": "", "no_proxy": "127.0.0.1"}
        return programs.attune(*words, text=text, env=settings, cwd=self.folder)

    def train(self, config, *words):
        return self.attune("train", "sft", "--config", config, *words)

    def events(self, run, kind):
        lines = (run / "events.jsonl").read_text().splitlines()
        return [event for event in map(json.loads, lines) if event["event"] == kind]

    def check_warnings(self, stderr, case):
        warned = collections.Counter()
        for line in stderr.splitlines():
            found = re.match(r"attune: warning: (?:\S+\.yaml:\d+: )?(\w+): ", line)
            if found:
                warned[found.group(1)] += 1
        expected = collections.Counter(case["warnings"])
        if case["result"] == "model" or not HAS_BF16:
            expected["dtype"] = 1  # bf16: true runs in float32 here, and says so once
        self.assertEqual(warned, expected, stderr)

    def check_run(self, run, case):
        report = json.loads((run / "data_report.json").read_text())
        self.assertEqual(report["train"]["rows"]["read"], case["data"]["rows"])
        self.assertEqual(report["train"]["rows"]["dropped"], 0)
        self.assertGreater(report["train"]["tokens"]["trained"], 0)
        steps = case.get("steps", 2 * report["train"]["rows"]["used"])
        numbers = [event["step"] for event in self.events(run, "step")]
        self.assertEqual(numbers, list(range(1, steps + 1)))
        self.assertEqual(len(self.events(run, "eval")), case["evaluations"])
        self.assertEqual(self.events(run, "end")[0]["step"], steps)
        checkpoints = run / "checkpoints"
        found = sorted(int(path.name[5:]) for path in checkpoints.glob("step-*"))
        self.assertEqual(found, case.get("checkpoints", found))
        for name in ("config.yaml", "lineage.json", "report.html"):
            self.assertTrue((run / name).is_file(), name)
        self.assertEqual(len(list(run.glob("events.out.tfevents.*"))), 1)
        weights = {"adapter": "adapter_model.safetensors", "model": "model.safetensors"}
        self.assertTrue((run / "final" / weights[case["result"]]).is_file())
        self.assertTrue((run / "final/tokenizer.json").is_file())

    def test_every_recipe_runs_as_published(self):
        cases = json.loads((CASES / "cases.json").read_text())
        self.assertEqual(sorted(cases), sorted(path.stem for path in CASES.glob("*.yaml")))
        for name, case in cases.items():
            with self.subTest(recipe=name):
                path = CASES / f"{name}.yaml"
                text = path.read_text()
                self.serve(text, case["data"])
                result = self.train(path)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.check_warnings(result.stderr, case)
                self.check_run(self.folder / setting(text, "output_dir"), case)

    def test_a_resolved_configuration_is_a_recipe_too(self):
        case = json.loads((CASES / "cases.json").read_text())["text_wrapped"]
        text = (CASES / "text_wrapped.yaml").read_text()
        self.serve(text, case["data"])
        self.assertEqual(self.train(CASES / "text_wrapped.yaml").returncode, 0)
        run = self.folder / setting(text, "output_dir")
        again = self.train(run / "config.yaml", "--output_dir", "again")
        self.assertEqual(again.returncode, 0, again.stderr)
        losses = [[event["loss"] for event in self.events(folder, "step")]
                  for folder in (run, self.folder / "again")]
        for first, second in zip(*losses, strict=True):
            self.assertAlmostEqual(first, second, places=5)

    def test_an_adapter_is_trained_further_over_its_base(self):
        case = json.loads((CASES / "cases.json").read_text())["prompt_completion_lora"]
        path = CASES / "prompt_completion_lora.yaml"
        text = path.read_text()
        self.serve(text, case["data"])
        self.assertEqual(self.train(path).returncode, 0)
        first = self.folder / setting(text, "output_dir") / "final"
        result = self.train(path, "--model_name_or_path", first, "--output_dir", "further")
        self.assertEqual(result.returncode, 0, result.stderr)
        config = json.loads((self.folder / "further/final/adapter_config.json").read_text())
        self.assertEqual(config["base_model_name_or_path"], "meta-llama/Llama-3.2-1B")
        self.assertEqual(config["r"], 32)
        before = self.events(first.parent, "step")
        after = self.events(self.folder / "further", "step")
        self.assertLess(after[0]["loss"], before[0]["loss"])

    def test_an_adapter_over_a_hub_model_is_served_with_its_base(self):
        case = json.loads((CASES / "cases.json").read_text())["prompt_completion_lora"]
        path = CASES / "prompt_completion_lora.yaml"
        text = path.read_text()
        base = setting(text, "model_name_or_path")
        self.serve(text, case["data"])
        listing = self.hub.added[f"/api/models/{base}/revision/main"]
        self.hub.added[f"/api/models/{base}/revision/v2"] = listing
        result = self.train(path, "--model_name_or_path", f"{base}@v2")
        self.assertEqual(result.returncode, 0, result.stderr)
        final = self.folder / setting(text, "output_dir") / "final"
        config = json.loads((final / "adapter_config.json").read_text())
        self.assertEqual((config["base_model_name_or_path"], config["revision"]), (base, "v2"))
        answers = []
        self.hub.requests.clear()
        for model in ((final,), (base, "--adapter", final)):
            answer = self.attune("generate", "--model_name_or_path", *model, "--prompt", "say no:",
                                 "--max_new_tokens", "9")
            self.assertEqual(answer.returncode, 0, answer.stderr)
            answers.append(json.loads(answer.stdout)["completions"])
        self.assertEqual(answers[0], answers[1])
        asked = [request[1] for request in self.hub.requests if request[1].startswith("/api/")]
        self.assertEqual(asked, [f"/api/models/{base}/revision/{name}" for name in ("v2", "main")])

    def test_another_end_of_sequence_is_saved_with_the_model(self):
        data = self.folder / "rows.jsonl"
        data.write_bytes(rows_file({"kind": "text", "field": "text"}, 8))
        recipe = self.folder / "recipe.yaml"
        recipe.write_text(f"model_name_or_path: {TINY}\ndataset_name: {data}\noutput_dir: run\n"
                          "max_steps: 1\neos_token: z\n")
        result = self.train(recipe)
        self.assertEqual(result.returncode, 0, result.stderr)
        final = self.folder / "run/final"
        token = json.loads((TINY / "tokenizer.json").read_text())["model"]["vocab"]["z"]
        config = json.loads((final / "config.json").read_text())
        self.assertEqual(config["eos_token_id"], token)
        generation = json.loads((final / "generation_config.json").read_text())
        self.assertEqual(generation["eos_token_id"], [token, 2])
        tokenizer = json.loads((final / "tokenizer_config.json").read_text())
        self.assertEqual(tokenizer["eos_token"], "z")

    def test_a_misspelt_key_is_refused_with_the_nearest_name(self):
        for name, case in json.loads((CASES / "cases.json").read_text()).items():
            with self.subTest(recipe=name):
                wrong, right = case["misspelt"]
                text = (CASES / f"{name}.yaml").read_text() + f"{wrong}: 1\n"
                path = self.folder / f"{name}.yaml"
                path.write_text(text)
                result = self.train(path)
                self.assertEqual(result.returncode, 2, result.stderr)
                line = text.count("\n")
                self.assertIn(f"{name}.yaml:{line}: unknown option \"{wrong}\"; did you mean "
                              f"{right}?", result.stderr)
                self.assertFalse((self.folder / setting(text, "output_dir")).exists())


if __name__ == "__main__":
    unittest.main()
