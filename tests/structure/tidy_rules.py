"""The tidy rules: what each file of the tree must look like. `find_problems(root)` gives one line
per breach: file, line, what is wrong and what to do."""

import re

from tree import read_tree

MAX_FUNCTION_LINES = 70
MAX_FILE_LINES = 500
MAX_COLUMNS = 100

# path -> why it may break the rule of that table. Keep them few; a reason is a sentence.
LONG_FILES = {
    "LICENSE": "the licence's own text",
    "THIRD_PARTY_NOTICES.md": "generated",
}
LONG_FUNCTIONS = {}
OUTSIDE_PATHS = {"src/base/file.cc": "the system's folder for temporary files without TMPDIR"}

CPP = {".h", ".cc", ".cu"}
BANNED_INCLUDES = {
    "torch/torch.h": "include the per-operator header ATen/ops/NAME.h",
    "torch/extension.h": "include the per-operator header ATen/ops/NAME.h",
    "torch/all.h": "include the per-operator header ATen/ops/NAME.h",
    "ATen/ATen.h": "include ATen/core/Tensor.h and ATen/ops/NAME.h",
    "ATen/Functions.h": "include ATen/ops/NAME.h",
    "ATen/Operators.h": "include ATen/ops/NAME.h",
    "ATen/NativeFunctions.h": "include ATen/ops/NAME.h",
    "glog/logging.h": "use base/log.h and base/check.h",
    "bits/stdc++.h": "include what is used",
}
AUTOGRAD = re.compile(r"torch/csrc/autograd/")
AUTOGRAD_FOLDERS = ("src/engine/tensor/", "src/engine/ops/")

INCLUDE = re.compile(r'#[ \t]*include[ \t]*[<"]([^>"]+)[>"]')
USING_NAMESPACE = re.compile(r"^\s*using\s+namespace\b")
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|time\.sleep)\s*\(|(?<![\w.])sleep\(")
DROPPED_CHECK = re.compile(r"^\s*rc::check\(")
DISABLED = re.compile(r"\bTEST(_F|_P)?\s*\([^)]*\bDISABLED_")
LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
VAGUE_NAME = re.compile(r"(^|[_\-./])(manager|helper|util)s?([_\-./]|$)", re.IGNORECASE)
OUTSIDE = re.compile(r"(?<![\w.})~*$-])/(work|root|opt|tmp|home)(?![\w-])(?!\.)")
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|download\.pytorch\.org|registry\.npmjs", re.I)
# How the tree was made is not what it says: it speaks of Attune alone.
WORKPLACE = re.compile(
    r"\b(sub-?agents?|worktrees?|the brief|this session|as an AI|language model assistant)\b"
    r"|shared/(reference|design)|\bissue\d\b", re.I)
STRING_OR_COMMENT = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)
# What stands before the brace of a block that is not a function's body.
NOT_A_FUNCTION = re.compile(r"\b(namespace|class|struct|enum|union|extern)\b[^()]*$")

ACCESS = re.compile(r"\b(public|private|protected)\s*:$")


def blank_strings_and_comments(text):
    """The same lines with strings and comments as blanks, so that braces can be counted."""
    return STRING_OR_COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def long_functions(text):
    """(first line, lines) of every outermost function body that is too long. Heuristic: braces are
    matched; a block opened right inside namespaces and classes is a function if its head has a
    parameter list. A lambda or a local class counts towards the function around it."""
    found, stack, head = [], [], ""
    function_depth, start, line = None, 0, 1
    for character in blank_strings_and_comments(text):
        if character == "\n":
            line += 1
            if head.lstrip().startswith("#") and not head.rstrip().endswith("\\"):
                head = ""
        if character == "{":
            is_scope = NOT_A_FUNCTION.search(head) is not None
            if function_depth is None and not is_scope and "(" in head:
                function_depth = len(stack)
                start = line - head.lstrip().count("\n")
            stack.append(character)
            head = ""
        elif character == "}":
            if stack:
                stack.pop()
            if function_depth is not None and len(stack) == function_depth:
                if line - start + 1 > MAX_FUNCTION_LINES:
                    found.append((start, line - start + 1))
                function_depth = None
            head = ""
        elif function_depth is None:
            head += character
            if character == ";" or character == ":" and ACCESS.search(head):
                head = ""
    return found


def includes(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.search(line)
        if not match:
            continue
        header = match.group(1)
        if header in BANNED_INCLUDES:
            yield f"{path}:{number}: {header} is banned: {BANNED_INCLUDES[header]}"
        elif AUTOGRAD.match(header) and not path.startswith(AUTOGRAD_FOLDERS):
            yield f"{path}:{number}: {header}: autograd's headers stay in engine/tensor and ops"


def cpp_lines(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > MAX_COLUMNS:
            yield f"{path}:{number}: {len(line)} columns, at most {MAX_COLUMNS}"
        if path.endswith(".h") and USING_NAMESPACE.search(line):
            yield f"{path}:{number}: `using namespace` in a header"
        if DROPPED_CHECK.search(line):
            yield f"{path}:{number}: a property whose result is dropped: use EXPECT_TRUE"
        if DISABLED.search(line):
            yield f"{path}:{number}: a disabled test: make it pass, or delete it"
    if path not in LONG_FUNCTIONS:
        for start, length in long_functions(text):
            yield (f"{path}:{start}: a function of {length} lines, at most {MAX_FUNCTION_LINES}: "
                   "cut it where the thoughts change")


def any_lines(path, text):
    is_test = "_test." in path or path.startswith("tests/")
    if text and not text.endswith("\n"):
        yield f"{path}: the last line has no end"
    for number, line in enumerate(text.splitlines(), 1):
        if LEFT_OVER.search(line):
            yield f"{path}:{number}: a left-over mark: do it now, or write it into docs/roadmap.md"
        if path not in OUTSIDE_PATHS and OUTSIDE.search(line):
            yield f"{path}:{number}: a path outside the tree: use a relative one or a variable"
        if REGISTRY.search(line):
            yield f"{path}:{number}: names a package registry's host: leave it to the user's set-up"
        if WORKPLACE.search(line):
            yield f"{path}:{number}: speaks of how the tree was made: say what Attune does"
        if line != line.rstrip() and not path.startswith("tests/golden/"):
            yield f"{path}:{number}: blanks at the end of the line"
        if is_test and SLEEP.search(line):
            yield f"{path}:{number}: a test that sleeps: wait for the event itself"


def find_problems(root):
    """All breaches below root, in the order of the files."""
    problems = []
    for path, text in read_tree(root):
        if path.startswith("tests/structure/"):
            continue  # the rules themselves and the bad trees that prove them
        if VAGUE_NAME.search(path):
            problems.append(f"{path}: a vague name: say what it does or holds")
        recorded = path.startswith("tests/golden/") and not path.endswith((".py", ".cc", ".h"))
        recorded = recorded or path.startswith("fuzz/corpus/")
        if recorded or path.startswith(("examples/", "tests/cases/")) and path.endswith(".json"):
            continue
        lines = text.count("\n")
        if lines > MAX_FILE_LINES and path not in LONG_FILES:
            problems.append(f"{path}: {lines} lines, at most {MAX_FILE_LINES}: split it by topic")
        problems += any_lines(path, text)
        if any(path.endswith(suffix) for suffix in CPP):
            problems += includes(path, text)
            problems += cpp_lines(path, text)
    return problems
