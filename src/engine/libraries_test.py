"""libraries_test.py READELF ENGINE: the C++ library is loaded before LibTorch's.

LibTorch exports parts of std::filesystem, and the loader takes a symbol from the first library that
has it (cmake/torch.cmake).
"""

import re
import subprocess
import sys
import unittest


def libraries(listing):
    """What a program needs, in its order, from the output of `readelf -d`."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", listing)


def before(names, first, later):
    """Whether the library `first` is needed, and before each that begins with `later`."""
    places = [i for i, name in enumerate(names) if name.startswith(later)]
    return bool(places) and first in names and names.index(first) < min(places)


class OrderTest(unittest.TestCase):
    def test_finds_it(self):
        listing = (" 0x01 (NEEDED)             Shared library: [libtorch.so]\n"
                   " 0x0e (SONAME)             Library soname: [x]\n"
                   " 0x01 (NEEDED)             Shared library: [libstdc++.so.6]\n")
        names = libraries(listing)
        self.assertEqual(names, ["libtorch.so", "libstdc++.so.6"])
        self.assertFalse(before(names, "libstdc++.so.6", "libtorch"))
        self.assertTrue(before(names[::-1], "libstdc++.so.6", "libtorch"))
        self.assertFalse(before(names[:1], "libstdc++.so.6", "libtorch"))


class EngineTest(unittest.TestCase):
    readelf = engine = ""

    def test_order(self):
        listing = subprocess.run([self.readelf, "-d", self.engine], capture_output=True, text=True,
                                 check=True).stdout
        names = libraries(listing)
        self.assertTrue(before(names, "libstdc++.so.6", "libtorch"), names)


if __name__ == "__main__":
    EngineTest.readelf, EngineTest.engine = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
