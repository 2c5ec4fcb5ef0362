#!/usr/bin/env python3
"""Fails if a program needs any shared library but glibc's own: each would cost start-up time.

usage: release_linkage.py PROGRAM [--unoptimized]

Unoptimized, libm is allowed as well: what libraries do with ceil() is inlined in a release.
"""

import re
import subprocess
import sys

import common

ALLOWED = r"libc\.so\.6|ld-linux.*\.so\.\d+"


def main():
    program = sys.argv[1]
    allowed = ALLOWED + (r"|libm\.so\.6" if "--unoptimized" in sys.argv[2:] else "")
    dynamic = subprocess.run(["readelf", "--wide", "--dynamic", program],
                             check=True, capture_output=True, text=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    # A file without a dynamic section would pass otherwise, whatever it is.
    if not needed:
        sys.exit(f"{program}: not a dynamically linked program")
    breaches = [f"{program}: needs {name}" for name in needed if not re.fullmatch(allowed, name)]
    common.finish(breaches, f"{len(needed)} libraries needed")


if __name__ == "__main__":
    main()
