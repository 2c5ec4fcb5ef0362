#!/usr/bin/env python3
"""Fails on an include that points upward, or on a library used outside the folder that owns it.

usage: layers.py [ROOT]
"""

import collections
import re

import common

# A folder of core/ioa may include its own headers and those of folders with a lower number.
LAYERS = {
    "base": 0,
    "future": 1,
    "loop": 2,
    "libevent": 3, "timer": 3, "signal": 3, "io": 3,
    "file": 4, "process": 4, "openssl": 4,
    "worker": 5,
    "net": 6,
    "ares": 7, "protocol": 7,
}
# The three targets, lowest first; tests lie above them all.
TARGETS = ["ioa", "cli", "app", "tests"]

OWNED = {"event2/": "core/ioa/libevent", "CLI/": "cli"}
OWNED_BY_ANY_ONE_FOLDER = ["ares", "openssl/", "re2/"]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def target_of(path):
    return "ioa" if path.parts[0] == "core" else path.parts[0]


def layer_of(path_in_ioa):
    """The layer folder of "FOLDER/x.hpp"; None for a file of core/ioa itself, such as fwd.hpp."""
    return path_in_ioa.split("/")[0] if "/" in path_in_ioa else None


def quoted_breach(path, name):
    """Why the file `path` may not include "name", or None."""
    target = target_of(path)
    first, _, rest = name.partition("/")
    if first not in TARGETS or not rest:
        return "an include names its layer, as in \"ioa/loop/loop.hpp\""
    if TARGETS.index(first) > TARGETS.index(target):
        return f"{target} does not know {first}"
    if first == "ioa" and target == "ioa":
        own, used = layer_of("/".join(path.parts[2:])), layer_of(rest)
        if used is None or used == own:
            return None
        if own is not None and used not in LAYERS:
            return f"{used} has no layer number"
        if own is None or LAYERS[used] >= LAYERS[own]:
            return f"{own or 'core/ioa'} may not use {used}: it is not a lower layer"
    return None


def main():
    root = common.repository()
    breaches = []
    users = collections.defaultdict(lambda: collections.defaultdict(list))
    files = list(common.sources(root))
    for path in files:
        own = layer_of("/".join(path.parts[2:])) if target_of(path) == "ioa" else None
        if own is not None and own not in LAYERS:
            breaches.append(f"{path}:1: {own} has no layer number")
            continue
        in_tests = path.parts[0] == "tests"
        for number, line in enumerate((root / path).read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, name = match.groups()
            where = f"{path}:{number}: {name}"
            if quote == '"':
                reason = quoted_breach(path, name)
                if reason:
                    breaches.append(f"{where}: {reason}")
                continue
            # Tests may look behind the curtain: a guest loop needs an event_base of its own.
            if in_tests:
                continue
            for prefix, folder in OWNED.items():
                if name.startswith(prefix) and not str(path).startswith(folder + "/"):
                    breaches.append(f"{where}: only {folder} uses {prefix}")
            for prefix in OWNED_BY_ANY_ONE_FOLDER:
                if name.startswith(prefix):
                    users[prefix][str(path.parent)].append(where)
    for prefix, folders in users.items():
        if len(folders) > 1:
            for wheres in folders.values():
                breaches += [f"{where}: {prefix} is used in {len(folders)} folders" for where in wheres]
    common.finish(breaches, f"includes of {len(files)} files")


if __name__ == "__main__":
    main()
