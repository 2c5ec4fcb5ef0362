#!/usr/bin/env python3
"""Fails on an option that --help prints and a manual page or a completion does not have.

The options of `ioa` itself belong into ioa.1; those of `ioa COMMAND` into ioa-COMMAND.1, or into
ioa.1 if every command has them. Each completion has to know them all.

usage: options_documented.py PROGRAM MAN_FOLDER COMPLETIONS_FOLDER
"""

import pathlib
import re
import subprocess
import sys

import common

# The start of a line of help: "  -w, --connect-timeout DURATION   text", "  --rate RATE", "  -4".
OPTION_LINE = re.compile(r"^\s{1,8}(-{1,2}[A-Za-z0-9].*)$")
OPTION = re.compile(r"(?<![\w-])(--[A-Za-z0-9][\w-]*|-[A-Za-z0-9])(?![\w-])")
COMMAND_LINE = re.compile(r"^\s{1,8}(?:ioa\s+)?([a-z][a-z-]+)(?:,\s*[a-z-]+)*\s{2,}\S")
COMMANDS_HEADING = re.compile(r"^(?:sub)?commands:?\s*$", re.IGNORECASE)


def help_of(program, *words):
    result = subprocess.run([program, *words, "--help"], capture_output=True, text=True, timeout=30,
                            stdin=subprocess.DEVNULL)
    if result.returncode != 0 or not result.stdout:
        sys.exit(f"{' '.join([program, *words])} --help: status {result.returncode}, "
                 f"{len(result.stdout)} bytes on stdout")
    return result.stdout.splitlines()


def options_in(lines):
    """The options that begin a line of help; the text behind them may mention others."""
    options = set()
    for line in lines:
        match = OPTION_LINE.match(line)
        if match:
            names = re.split(r"\s{2,}", match.group(1))[0]
            options.update(OPTION.findall(names))
    return options


def commands_in(lines):
    """The names listed under the heading "Commands"."""
    commands, listed = [], False
    for line in lines:
        if not line.startswith(" "):
            listed = bool(COMMANDS_HEADING.match(line)) or (listed and not line)
        elif listed and COMMAND_LINE.match(line):
            commands.append(COMMAND_LINE.match(line).group(1))
    # "help" only prints what is read here.
    return [command for command in commands if command != "help"]


def in_manual(text, option):
    """mdoc writes --name as `Fl -name`, and several of them in one line: `Fl w , Fl -wait`."""
    return re.search(rf"\bFl (?:Fl )?{re.escape(option[1:])}(?![\w-])", text) is not None


def in_completion(text, option):
    name = option.lstrip("-")
    flag = "l" if option.startswith("--") else "s"
    # fish names options without their dashes: -s w -l connect-timeout.
    return re.search(rf"(?<![\w-])(?:{re.escape(option)}|-{flag} '?{re.escape(name)}'?)(?![\w-])",
                     text) is not None


def read(path, breaches):
    if path.exists():
        return path.read_text()
    breaches.append(f"{path}: is missing")
    return None


def main():
    program, man, completions = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    overview = help_of(program)
    commands = commands_in(overview)
    if not commands:
        sys.exit(f"{program} --help lists no command under a heading \"Commands:\"")

    breaches, checked = [], 0
    main_page = read(man / "ioa.1", breaches) or ""
    scripts = {}
    for name in ("ioa.bash", "_ioa", "ioa.fish"):
        scripts[completions / name] = read(completions / name, breaches)

    for command in [None, *commands]:
        words = [command] if command else []
        page = man / ("-".join(["ioa", *words]) + ".1")
        text = read(page, breaches) if command else main_page
        options = options_in(help_of(program, *words))
        if not options:
            breaches.append(f"ioa {command or ''} --help: lists no option")
        checked += len(options)
        for option in sorted(options):
            where = f"ioa {command} {option}" if command else f"ioa {option}"
            if text is not None and not in_manual(text, option) and not in_manual(main_page, option):
                breaches.append(f"{page}: {where} is not documented")
            for path, script in scripts.items():
                if script is not None and not in_completion(script, option):
                    breaches.append(f"{path}: {where} is not completed")
    common.finish(breaches, f"{checked} options of {len(commands)} commands")


if __name__ == "__main__":
    main()
