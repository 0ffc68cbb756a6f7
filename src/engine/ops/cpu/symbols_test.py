"""symbols_test.py NM OBJECT...: the kernels' objects define nothing but their own namespace's.

An inline function or a template that two units define is linked from either of them. Compiled for
AVX-512 here, it would stop the whole program on a processor without; so would an initialiser, which
runs before anybody has asked what the processor can do. Kernel sources therefore define neither.
"""

import re
import subprocess
import sys
import unittest

VARIANT = re.compile(r"attune_engine_kernels_(\w+)\.dir")
INITIALISER = re.compile(r"_GLOBAL__sub_I|__static_initialization")


def strangers(listing, variant):
    """Names in the output of `nm -C` that others could be given, or that run by themselves."""
    found = []
    for line in listing.splitlines():
        match = re.match(r"^[0-9a-f]{8,} (\w) (.+)$", line)
        if match is None:  # undefined here, or no symbol
            continue
        kind, name = match.groups()
        own = name.startswith(f"attune::engine::ops::cpu::{variant}::")
        shared = kind in "VvWwu" or (kind.isupper() and not own)
        if shared or INITIALISER.search(name):
            found.append(name)
    return found


class StrangersTest(unittest.TestCase):
    def test_finds_them(self):
        own = "attune::engine::ops::cpu::avx512::"
        listing = (f"00000000000001f0 T {own}rotate(int)\n                 U expf\n"
                   f"00000000000001f0 W {own}least<int>(int)\n"
                   "0000000000000000 T attune::other()\n0000000000000000 t local()\n"
                   "0000000000000000 W std::exp(float)\n0000000000000000 t _GLOBAL__sub_I_table\n")
        self.assertEqual(strangers(listing, "avx512"),
                         [f"{own}least<int>(int)", "attune::other()", "std::exp(float)",
                          "_GLOBAL__sub_I_table"])


class ObjectsTest(unittest.TestCase):
    nm = ""
    objects = ()

    def test_each(self):
        self.assertGreater(len(self.objects), 7)
        for path in self.objects:
            listing = subprocess.run([self.nm, "-C", path], capture_output=True, text=True,
                                     check=True).stdout
            self.assertIn("attune::engine::ops::cpu::", listing)
            self.assertEqual(strangers(listing, VARIANT.search(path).group(1)), [], path)


if __name__ == "__main__":
    ObjectsTest.nm, *ObjectsTest.objects = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
