"""Mixed text for tokenizer goldens: words, code, numbers, many scripts, emoji, control characters.

The same generator stands in tests/support/mixed_text.h, so that goldens hold hashes and no text.
"""

import struct

WORDS = """
the of and to in is that for it was on are as with his they at be this have from or one had by
word but not what all were we when your can said there use an each which she do how their if will
up other about out many then them these so some her would make like him into time has look two
more write go see number no way could people my than first water been call who oil its now find
long down day did get come made may part
""".split()
RANGES = [
    (0x20, 0x7F), (0xA0, 0x180), (0x300, 0x370), (0x370, 0x400), (0x400, 0x500), (0x5D0, 0x5EB),
    (0x600, 0x6FF), (0x900, 0x980), (0xE00, 0xE60), (0x1100, 0x1200), (0x1E00, 0x2000),
    (0x2000, 0x2070), (0x20A0, 0x20C0), (0x2100, 0x2200), (0x2200, 0x2300), (0x2460, 0x2500),
    (0x2580, 0x2600), (0x3000, 0x3100), (0x3130, 0x3190), (0x4E00, 0x9FFF), (0xAC00, 0xD7A4),
    (0xFB00, 0xFB50), (0xFF00, 0xFFEF), (0x1D400, 0x1D800), (0x1F300, 0x1F650), (0x1F900, 0x1FA00),
    (0x1, 0x20), (0xE000, 0xE010), (0x10FFEB, 0x10FFFF)]
SPACES = [" ", " ", " ", " ", "  ", "    ", "\n", "\n\n", "\t", "\r\n", " \n", "\u3000", "\u00a0"]
GLUE = [
    "'s", "'t", "'re", "'LL", "'\u017f", "...", "!?", "--", "==", "->", "::", "()", "{}", "[0]",
    "<|im_start|>", "<|endoftext|>", "<s>", "</s>", "://", "100", "3.14", "2024", "0x1F",
    "\u0663\u0664", "\u00bd", "\U0001F1EB\U0001F1F7", "\U0001F469\u200d\U0001F467", "e\u0301",
    "\u200d", "\ufeff", "\u2581", "\u0120", "<0x41>"]


def numbers(seed):
    """Knuth's 64-bit linear congruential generator, upper 31 bits."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) & (2**64 - 1)
        yield state >> 33


def mixed_text(size, seed):
    """At least `size` bytes of UTF-8."""
    draw = numbers(seed)
    out = []
    total = 0
    while total < size:
        kind = next(draw) % 16
        if kind < 8:
            piece = WORDS[next(draw) % len(WORDS)]
        elif kind == 8:
            piece = WORDS[next(draw) % len(WORDS)].capitalize()
        elif kind == 9:
            piece = GLUE[next(draw) % len(GLUE)]
        elif kind == 10:
            piece = str(next(draw) % 100000)
        elif kind == 11:
            count = next(draw) % 8
            piece = "".join(chr(33 + next(draw) % 94) for _ in range(count))
        else:
            first, end = RANGES[next(draw) % len(RANGES)]
            count = 1 + next(draw) % 8
            piece = "".join(chr(first + next(draw) % (end - first)) for _ in range(count))
        if next(draw) % 8:
            piece += SPACES[next(draw) % len(SPACES)]
        out.append(piece)
        total += len(piece.encode())
    return "".join(out)


CHUNK_BYTES = 4096
CHUNKS = 520  # more than 2 MB


def bytes_hash(data):
    """FNV-1a, folded to 32 bits, as 8 hex digits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & (2**64 - 1)
    return f"{(value >> 32) ^ (value & 0xFFFFFFFF):08x}"


def ids_hash(ids):
    """The same over the ids as 32-bit little-endian numbers."""
    return bytes_hash(struct.pack(f"<{len(ids)}i", *ids))


def chunk_hashes(encode, chunks=CHUNKS):
    """One hash for each chunk of mixed text, joined."""
    return "".join(ids_hash(encode(mixed_text(CHUNK_BYTES, seed))) for seed in range(chunks))
