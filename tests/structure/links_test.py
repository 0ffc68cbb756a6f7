"""Every relative link of the Markdown pages leads to a file of the tree, and every anchor to a
heading of it; the README of a folder lists the folder's pages. Links to the web are not fetched."""

import pathlib
import re
import tempfile
import unittest

from tree import ROOT, read_tree, write_tree

FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$", re.MULTILINE)
NAMED = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")


def anchors(text):
    """The anchors of a page as the usual Markdown viewers name them."""
    text = FENCE.sub("", text)
    found = set(NAMED.findall(text))
    for heading in HEADING.findall(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        while slug in found:
            slug += "-1"
        found.add(slug)
    return found


def find_problems(root):
    pages = dict(read_tree(root, suffixes={".md"}))
    problems = []
    for path, text in pages.items():
        for target in LINK.findall(CODE.sub("", FENCE.sub("", text))):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            name, _, anchor = target.partition("#")
            full = pathlib.Path(root, path).parent / name if name else pathlib.Path(root, path)
            if name.startswith("/") or not full.resolve().is_relative_to(pathlib.Path(root).resolve()):
                problems.append(f"{path}: ({target}) leads outside the tree")
            elif not full.exists():
                problems.append(f"{path}: ({target}): no such file")
            elif anchor and full.suffix == ".md":
                if anchor not in anchors(full.read_text(encoding="utf-8")):
                    problems.append(f"{path}: ({target}): no such heading")
    return problems


def find_unlisted(root):
    """Pages that the README of their folder does not link to."""
    pages = dict(read_tree(root, suffixes={".md"}))
    problems = []
    for path in sorted(pages):
        folder = pathlib.Path(path).parent
        readme = str(folder / "README.md")
        if str(folder) == "." or pathlib.Path(path).name == "README.md" or readme not in pages:
            continue
        listed = LINK.findall(CODE.sub("", FENCE.sub("", pages[readme])))
        if pathlib.Path(path).name not in [target.partition("#")[0] for target in listed]:
            problems.append(f"{path}: is not listed in {readme}")
    return problems


class LinksTest(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        problems = find_problems(ROOT) + find_unlisted(ROOT)
        if problems:
            self.fail("\n" + "\n".join(problems))

    def problems_of(self, text):
        with tempfile.TemporaryDirectory() as root:
            write_tree(root, {"README.md": text, "docs/a.md": "# A page: one\n\n## Two\n"})
            return find_problems(root)

    def test_refuses_a_dead_link(self):
        self.assertEqual(["README.md: (docs/b.md): no such file"],
                         self.problems_of("see [b](docs/b.md)"))
        self.assertEqual(["README.md: (docs/a.md#three): no such heading"],
                         self.problems_of("see [b](docs/a.md#three)"))
        self.assertEqual(["README.md: (../x.md) leads outside the tree"],
                         self.problems_of("see [b](../x.md)"))

    def test_refuses_a_page_that_its_folder_s_readme_leaves_out(self):
        with tempfile.TemporaryDirectory() as root:
            write_tree(root, {"README.md": "top", "page.md": "no folder's", "docs/b.md": "free",
                              "docs/f/README.md": "[one](one.md#a) `[two](two.md)`",
                              "docs/f/one.md": "1", "docs/f/two.md": "2"})
            self.assertEqual(["docs/f/two.md: is not listed in docs/f/README.md"],
                             find_unlisted(root))

    def test_accepts_links_that_lead_somewhere(self):
        self.assertEqual([], self.problems_of(
            "# Top\n[a](docs/a.md) [b](docs/a.md#a-page-one) [c](#top) [d](https://example.org/x)\n"
            "```\n[e](nowhere.md)\n```\nand `[f](nowhere.md)`\n"))


if __name__ == "__main__":
    unittest.main()
