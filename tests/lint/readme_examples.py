#!/usr/bin/env python3
"""Runs the examples of README.md, as pasted into one shell from top to bottom.

An example is a block marked `sh`; a block marked `text` right after it is what it prints. The program
is given, or named by IOA_BINARY: it stands in for `./dev run`. Blocks marked otherwise are not run.

usage: readme_examples.py [README [PROGRAM]]
"""

import os
import pathlib
import re
import sys

import common
import examples
import private_network

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples_of(text):
    blocks = list(BLOCK.finditer(text))
    for index, block in enumerate(blocks):
        if block.group(1) != "sh":
            continue
        output = None
        if index + 1 < len(blocks) and blocks[index + 1].group(1) == "text":
            output = blocks[index + 1].group(2)
        line = text.count("\n", 0, block.start()) + 1
        yield examples.Example(f"README.md:{line}", block.group(2).replace("./dev run", "ioa"), output)


def main():
    readme = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                          pathlib.Path(__file__).parents[2] / "README.md")
    program = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IOA_BINARY")
    if not program:
        sys.exit(__doc__)
    private_network.enter()
    found = list(examples_of(readme.read_text()))
    breaches = examples.run(found, program, {"README.md": readme.read_bytes()})
    if len(found) < 5:
        breaches.append(f"README.md: {len(found)} examples, fewer than five")
    common.finish(breaches, f"{len(found)} examples of the README")


if __name__ == "__main__":
    main()
