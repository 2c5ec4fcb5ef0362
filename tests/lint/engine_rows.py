#!/usr/bin/env python3
"""Holds the engine's table in ARCHITECTURE.md to the tree: every row of the checklist has one
answer, and the headers and tests that it names exist.

usage: engine_rows.py [ROOT]

A row is `| ID | headers below core/ioa | tests, as Suite.Name or Suite.* | note |`. A row without a header or
without a test says in its note why C++ needs none.
"""

import re

import common

# The families of the checklist that have their answers, and how many rows each has.
FAMILIES = {
    "LOOP": 18, "WIO": 6, "WTM": 4, "WID": 2, "WSG": 3, "BE": 5, "NTF": 11, "HND": 9, "STR": 21,
    "SOCK": 5, "TMR": 10, "SIG": 1, "CON": 11, "LSN": 5, "RES": 7, "FUT": 5, "MET": 1, "DBG": 1, "OS": 5,
    "CHM": 12, "PRC": 10, "RUN": 8, "WPR": 3, "PID": 1, "FUN": 9, "ROU": 3, "CHN": 3, "PRO": 3,
    "FIL": 2, "FST": 4, "LIS": 7,
}
GAPS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23]
TODOS = [1, 2, 3, 4, 5, 6, 7, 8]

ROW = re.compile(r"^\| *([A-Z]+-\d+) *\|(.*)\| *$")
TEST = re.compile(r"\b(?:TYPED_TEST(?:_P)?|TEST(?:_F|_P)?)\(\s*(\w+),\s*(\w+)\s*\)")


def wanted_rows():
    rows = {f"{family}-{number}" for family, size in FAMILIES.items() for number in range(1, size + 1)}
    return rows | {f"GAP-{number}" for number in GAPS} | {f"TODO-{number}" for number in TODOS}


def tests_of(root):
    names = set()
    for path in common.sources(root, ("tests",), (".cpp",)):
        for suite, name in TEST.findall((root / path).read_text()):
            names |= {f"{suite}.{name}", f"{suite}.*"}
    return names


def items(cell):
    return [item for item in re.split(r"[,\s]+", cell.replace("`", "").strip()) if item not in ("", "-")]


def breaches_of_row(root, cells, tests):
    """What is wrong with the cells behind a row's id: headers, tests, note."""
    if len(cells) != 3:
        yield f"{len(cells) + 1} cells, not 4"
        return
    headers, pins, note = items(cells[0]), items(cells[1]), cells[2].strip()
    for header in headers:
        if not (root / "core" / "ioa" / header).is_file():
            yield f"there is no core/ioa/{header}"
    for pin in pins:
        if pin not in tests:
            yield f"there is no test {pin}"
    if not (headers and pins) and not note:
        yield "neither pinned nor said why not"


def main():
    root = common.repository()
    page = root / "ARCHITECTURE.md"
    tests = tests_of(root)
    seen, breaches = set(), []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        match = ROW.match(line)
        if not match:
            continue
        row = match.group(1)
        where = f"{page.name}:{number}: {row}"
        if row in seen:
            breaches.append(f"{where}: answered twice")
        seen.add(row)
        breaches += [f"{where}: {text}"
                     for text in breaches_of_row(root, match.group(2).split("|"), tests)]
    breaches += [f"{page.name}:1: {row} has no answer" for row in sorted(wanted_rows() - seen)]
    common.finish(breaches, f"{len(seen)} rows of the engine")


if __name__ == "__main__":
    main()
