"""Writes layouts.json: small files in every published layout and the examples that they must become.
The rows are this project's own words in the layouts of the published sets; the examples are stated by
hand beside them (judged.py, written.py, argilla.py), so that no importer checks itself."""

import json
import pathlib
import platform

import argilla
import judged
import written

made_with = {"json": json.__version__, "python": platform.python_version()}
layouts = [*judged.LAYOUTS, *argilla.LAYOUTS, *written.LAYOUTS]
text = json.dumps({"made_with": made_with, "layouts": layouts}, ensure_ascii=False, indent=1)
pathlib.Path(__file__).with_name("layouts.json").write_text(text + "\n", encoding="utf-8")
