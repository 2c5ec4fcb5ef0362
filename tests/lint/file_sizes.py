#!/usr/bin/env python3
"""Fails on a source of more than 500 lines: it is two concepts.

usage: file_sizes.py [ROOT]
"""

import common

LIMIT = 500
CODE = (".hpp", ".cpp", ".py", ".cmake", ".txt", ".sh", "")


def main():
    root = common.repository()
    files = list(common.sources(root, ("app", "cli", "core", "tests", "cmake", ".ci"), CODE))
    files = [path for path in files if "corpus" not in path.parts and "data" not in path.parts]
    files += [path.relative_to(root) for path in (root / "dev", root / "CMakeLists.txt") if path.exists()]
    breaches = []
    for path in files:
        lines = (root / path).read_bytes().count(b"\n")
        if lines > LIMIT:
            breaches.append(f"{path}:{LIMIT}: {lines} lines, more than {LIMIT}")
    common.finish(breaches, f"sizes of {len(files)} files")


if __name__ == "__main__":
    main()
