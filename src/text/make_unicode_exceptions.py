"""Writes unicode_exceptions.inc: where the `tokenizers` package and utf8proc disagree on characters.

Normal forms and accents come from an older edition of Unicode there, lower case from a newer one.
Measured character by character. Run: python src/text/make_unicode_exceptions.py (half a minute).
"""

import ctypes
import pathlib

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

POINTS = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
UTF8PROC = ctypes.CDLL("libutf8proc.so.2")
UTF8PROC.utf8proc_map.restype = ctypes.c_ssize_t
UTF8PROC.utf8proc_map.argtypes = [ctypes.c_char_p, ctypes.c_ssize_t,
                                  ctypes.POINTER(ctypes.c_void_p), ctypes.c_int]
UTF8PROC.utf8proc_version.restype = ctypes.c_char_p
FREE = ctypes.CDLL(None).free
STABLE, COMPAT, DECOMPOSE = 2, 4, 16


def compatible(point):
    """NFKD by utf8proc."""
    data, out = chr(point).encode(), ctypes.c_void_p()
    size = UTF8PROC.utf8proc_map(data, len(data), ctypes.byref(out), STABLE | COMPAT | DECOMPOSE)
    text = ctypes.string_at(out, size).decode() if size >= 0 else chr(point)
    FREE(out)
    return text


def compare_forms():
    """What the reference leaves alone (characters with a form, and marks that it does not count as
    such), and what it alone counts as marks."""
    form, accents = normalizers.NFKD(), normalizers.StripAccents()
    is_mark = pre_tokenizers.Split(Regex(r"\p{M}"), "isolated")
    unknown, marks = [], []
    for point in POINTS:
        theirs, mark = form.normalize_str(chr(point)), accents.normalize_str(chr(point)) == ""
        if theirs != compatible(point):
            assert theirs == chr(point), hex(point)
            unknown.append(point)
        elif mark != (len(is_mark.pre_tokenize_str("\u0001" + chr(point))) == 2):
            (marks if mark else unknown).append(point)
    return ranges_of(unknown), ranges_of(marks)


def other_lower_case():
    lower = normalizers.Lowercase()
    for point in POINTS:
        theirs = lower.normalize_str(chr(point))
        if len(theirs) == 1 and ord(theirs) != UTF8PROC.utf8proc_tolower(point):
            yield point, ord(theirs)


def ranges_of(points):
    ranges = []
    for point in points:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return [f"{{0x{first:X},0x{last:X}}}," for first, last in ranges]


def wrapped(entries):
    line = ""
    for entry in entries:
        if len(line) + len(entry) > 99:
            yield line
            line = ""
        line += entry
    yield line


unknown_to_forms, other_marks = compare_forms()
lines = [f"// Made by make_unicode_exceptions.py with tokenizers {tokenizers.__version__} and utf8proc",
         f"// {UTF8PROC.utf8proc_version().decode()}.",
         "constexpr Range kUnknownToForms[] = {  // first and last"]
lines += wrapped(unknown_to_forms)
lines += ["};", "constexpr Range kOtherMarks[] = {  // first and last"]
lines += wrapped(other_marks)
lines += ["};", "constexpr Range kLowerCase[] = {  // a letter and its lower case"]
lines += wrapped(f"{{0x{point:X},0x{lower:X}}}," for point, lower in other_lower_case())
lines += ["};"]
pathlib.Path(__file__).with_name("unicode_exceptions.inc").write_text("\n".join(lines) + "\n")
print(len(unknown_to_forms), "and", len(other_marks), "ranges")
