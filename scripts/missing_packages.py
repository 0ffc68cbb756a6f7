#!/usr/bin/env python3
"""Prints the pins of a requirements file that the running Python does not satisfy, one a line.

A local version label counts as the pinned version: 2.13.0+cpu satisfies ==2.13.0.
"""

import importlib.metadata
import sys


def installed_version(name):
    try:
        return importlib.metadata.version(name).split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None


def pins(text):
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def missing(text):
    found = []
    for pin in pins(text):
        name, _, version = pin.partition("==")
        if not version:
            raise ValueError(f"'{pin}' is not pinned; write {pin}==VERSION")
        if installed_version(name) != version:
            found.append(pin)
    return found


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        print("\n".join(missing(file.read())), end="")
