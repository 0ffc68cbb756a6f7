"""Short ways of writing rows and the examples that they become."""


def chat(u=None, a=None):
    """Messages of a user, of an assistant, or of both."""
    turns = [{"role": "user", "content": u}] if u is not None else []
    return turns + ([{"role": "assistant", "content": a}] if a is not None else [])


def thing(speaker, text):
    """A turn as ShareGPT's files have it."""
    return {"from": speaker, "value": text}


def source(dataset, row, licence, generated_by, warning=None):
    """`row`: what the data set calls it, or a number: its place in the file."""
    named = {"dataset": dataset, "row": str(row), "licence": licence, "generated_by": generated_by}
    if isinstance(row, int):
        named["row_is_position"] = True
    return {**named, "warning": warning} if warning else named


def layout(name, rows, examples, dropped=None, notes=None, warns=(), options=None):
    """`rows` of a file in the layout `name`; `warns`: a part of each warning that must be given."""
    return {"format": name, "rows": rows, "examples": examples, "dropped": dropped or {},
            "notes": notes or {}, "warns": list(warns), "options": options or {}}
