#!/usr/bin/env python3
"""Runs every command of the EXAMPLES of the manual pages against servers of its own.

A command is a line that begins with "$ "; lines that follow it at once are what it prints. The names
in the pages (www.example.org, ...) are real inside: see private_network.py.

usage: man_examples.py PROGRAM MAN_FOLDER
"""

import pathlib
import re
import subprocess
import sys

import common
import examples
import private_network

REQUEST = b"GET / HTTP/1.0\r\nHost: www.example.org\r\n\r\n"
FILES = {
    "request": REQUEST,
    "backup.tar": b"a backup\n" * 100_000,
    "names": b"www.example.org\nmail.example.org\ndb.example.org\n",
    "access.log": b"192.0.2.80 - GET /\n192.0.2.25 - GET /\n192.0.2.80 - GET /favicon.ico\n",
}

# What a shell that gets it at the end of a line reads the next one for.
CONTINUED = ("\\", "|", "&&", "||")


def start_servers():
    private_network.serve(("www.example.org", 80), private_network.http(b"Hello.\n"))
    private_network.serve(("mail.example.org", 25), private_network.say(b"220 mail.example.org\r\n"))
    private_network.serve(("db.example.org", 5432), private_network.swallow)
    private_network.serve(("backup.example.org", 9000), private_network.swallow)
    private_network.serve_mail_exchange("mail.example.org")
    private_network.serve("/run/docker.sock", private_network.http(b'{"Version":"20.10"}\n'))


def examples_of(page):
    """The commands of a page, as a reader sees them."""
    text = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=200", page], check=True,
                          capture_output=True, text=True).stdout
    text = re.sub(".\b", "", text)
    section = re.search(r"^EXAMPLES\n(.*?)(?=^\S)", text, re.MULTILINE | re.DOTALL)
    if section is None:
        return
    command, output, indent = None, [], ""
    for line in [*section.group(1).splitlines(), "end"]:
        begin = re.match(r"( +)\$ (.*)", line)
        # Prose stands further to the left; a blank line may belong to what is printed.
        continued = command is not None and (not line or line.startswith(indent))
        if begin or not continued:
            if command is not None:
                yield examples.Example(page.name, command, "\n".join(output).strip() or None)
            command = None
        if begin:
            indent, command, output = begin.group(1), begin.group(2), []
        elif continued and not output and command.endswith(CONTINUED):
            command += "\n" + line.strip()
        elif continued:
            output.append(line[len(indent):])


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    private_network.enter()
    start_servers()
    breaches, found = [], []
    for page in sorted(folder.glob("*.1")):
        of_page = list(examples_of(page))
        if not of_page:
            breaches.append(f"{page.name}: has no EXAMPLES")
        found += of_page
    breaches += examples.run(found, program, FILES)
    common.finish(breaches, f"{len(found)} examples of the manual pages")


if __name__ == "__main__":
    main()
