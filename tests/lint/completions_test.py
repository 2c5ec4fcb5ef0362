#!/usr/bin/env python3
"""Asks each shell, with its completion of ioa loaded, what it offers at given places.

Every option that `ioa COMMAND --help` prints has to be offered, and so do the values, files and
hosts that belong to a place. A shell that is not installed is a failure.

usage: completions_test.py PROGRAM COMPLETIONS_FOLDER
"""

import os
import pathlib
import pty
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import options_documented

TIMEOUT_S = 30
BASH_COMPLETION = pathlib.Path("/usr/share/bash-completion/bash_completion")


def need(program):
    path = shutil.which(program)
    if path is None:
        raise FileNotFoundError(f"{program} is not installed")
    return path


class Bash:
    """Calls the function that `complete` registered with COMP_WORDS as the shell would set them."""

    # How bash itself cuts a line into words: `--loop=e` are three.
    SCRIPT = r"""
        words=("$@")
        COMP_LINE="${words[*]}" COMP_POINT=${#COMP_LINE}
        COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1)) COMP_TYPE=9 COMP_KEY=9
        compopt() { :; }  # which fails outside of readline
        read -r _ _ function _ < <(complete -p ioa)
        "$function" ioa "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        ((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"
        exit 0
        """

    def __init__(self, folder, with_package):
        self.bash = need("bash")
        self.setup = f"source {shlex.quote(str(folder / 'ioa.bash'))}\n"
        if with_package:
            if not BASH_COMPLETION.exists():
                raise FileNotFoundError("bash-completion is not installed")
            self.setup = f"source {BASH_COMPLETION}\n" + self.setup

    def offers(self, line, cwd):
        words = []
        for word in line.split(" "):
            pieces = [piece for part in word.split("=") for piece in (part, "=")][:-1]
            pieces = [piece for part in pieces for piece in self._at_colons(part)]
            words += [piece for piece in pieces if piece] or [""]
        result = subprocess.run([self.bash, "--norc", "--noprofile", "-c", self.setup + self.SCRIPT,
                                 "bash", *words], cwd=cwd, capture_output=True, text=True,
                                timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)
        if result.returncode != 0 or result.stderr.strip():
            raise AssertionError(f"bash at {line!r}: {result.returncode} {result.stderr}")
        return set(result.stdout.splitlines())

    @staticmethod
    def _at_colons(text):
        return [piece for part in text.split(":") for piece in (part, ":")][:-1]


class Zsh:
    """Types into an interactive zsh on a terminal; what compadd is given is written to a file."""

    SETUP = r"""
        PROMPT= RPROMPT= PS2=
        unsetopt prompt_cr prompt_sp beep
        fpath=($IOA_COMPLETIONS $fpath)
        autoload -Uz compinit && compinit -D -u
        zstyle ':completion:*' menu no
        compadd() {
          # -O and -A only filter; what they are given is not offered yet.
          if [[ ${@[1,(i)(-|--)]} != *-[OAD]\ * ]]; then
            local -a offered
            builtin compadd -A offered "$@"
            print -rl -- $offered >>$IOA_OFFERED
          fi
          builtin compadd "$@"
        }
        finish-query() { BUFFER=; print -r -- END-OF-OFFERS >>$IOA_OFFERED; zle redisplay }
        zle -N finish-query
        bindkey -e
        bindkey '^I' complete-word
        bindkey '^X^F' finish-query
        print READY >>$IOA_OFFERED
        """

    def __init__(self, folder, scratch):
        zsh = need("zsh")
        self.offered = scratch / "offered"
        self.offered.touch()
        setup = scratch / "setup.zsh"
        setup.write_text(self.SETUP)
        environment = dict(os.environ, IOA_COMPLETIONS=str(folder), IOA_OFFERED=str(self.offered),
                           TERM="dumb", LC_ALL="C.UTF-8", ZDOTDIR=str(scratch))
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(zsh, [zsh, "-f", "-i"], environment)
        self._type(f"source {shlex.quote(str(setup))}\n")
        self._wait_for("READY")

    def offers(self, line, cwd):
        self.offered.write_text("")
        self._type(f"cd {shlex.quote(str(cwd))}; print THERE >>$IOA_OFFERED\n")
        self._wait_for("THERE")
        self.offered.write_text("")
        self._type(line + "\t\x18\x06")
        lines = self._wait_for("END-OF-OFFERS").splitlines()
        return {offer for offer in lines if offer and offer != "END-OF-OFFERS"}

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)

    def _type(self, text):
        os.write(self.terminal, text.encode())

    def _wait_for(self, mark):
        deadline = time.monotonic() + TIMEOUT_S
        screen = b""
        while time.monotonic() < deadline:
            if select.select([self.terminal], [], [], 0.01)[0]:
                screen += os.read(self.terminal, 65536)
            text = self.offered.read_text()
            if mark in text.splitlines():
                return text
        raise AssertionError(f"zsh never came to {mark}; the screen: {screen!r}")


class Fish:
    """Asks `complete -C`."""

    def __init__(self, folder, scratch):
        self.fish = need("fish")
        self.script = shlex.quote(str(folder / "ioa.fish"))
        self.environment = dict(os.environ, XDG_CONFIG_HOME=str(scratch),
                                LC_ALL="C.UTF-8")

    def offers(self, line, cwd):
        result = subprocess.run([self.fish, "-N", "-c",
                                 f"source {self.script}; complete -C {shlex.quote(line)}"],
                                cwd=cwd, env=self.environment, capture_output=True, text=True,
                                timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)
        if result.returncode != 0 or result.stderr.strip():
            raise AssertionError(f"fish at {line!r}: {result.returncode} {result.stderr}")
        return {offer.split("\t")[0] for offer in result.stdout.splitlines()}


class Completions(unittest.TestCase):
    program = None
    folder = None

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = pathlib.Path(scratch.name)
        cls.cwd = cls.scratch / "here"
        cls.cwd.mkdir()
        (cls.cwd / "some-file").touch()
        (cls.scratch / ".ssh").mkdir()
        (cls.scratch / ".ssh/known_hosts").write_text("known.example.org ssh-ed25519 AAAA\n")
        os.environ["HOME"] = str(cls.scratch)
        zsh = Zsh(cls.folder, cls.scratch)
        cls.addClassCleanup(zsh.close)
        cls.shells = {
            "bash with its package": Bash(cls.folder, with_package=True),
            "bash alone": Bash(cls.folder, with_package=False),
            "zsh": zsh,
            "fish": Fish(cls.folder, cls.scratch),
        }

    def expect(self, line, *wanted, but_not=(), shells=None):
        """Each shell offers all of `wanted` at the end of `line`, and nothing of `but_not`."""
        for name in shells or self.shells:
            shell = self.shells[name]
            with self.subTest(shell=name, line=line):
                # An offer may come with the part of its word that is there already, or without.
                offered = {offer.rstrip("=/ ").rpartition("=")[2].removeprefix("unix:")
                           for offer in shell.offers(line, self.cwd)}
                self.assertFalse(set(wanted) - offered, f"{name} does not offer these at {line!r}")
                self.assertFalse(set(but_not) & offered, f"{name} offers these at {line!r}")

    def commands(self):
        """Those that have options of their own."""
        commands = options_documented.commands_in(options_documented.help_of(self.program))
        self.assertTrue(commands)
        return [command for command in commands if command != "help"]

    def options_of(self, *command):
        options = options_documented.options_in(options_documented.help_of(self.program, *command))
        self.assertTrue(options)
        return options

    def test_every_option_of_every_command(self):
        for command in self.commands():
            options = self.options_of(command)
            self.expect(f"ioa {command} --", *(o for o in options if o.startswith("--")))
            self.expect(f"ioa {command} -", *(o for o in options if not o.startswith("--")))
            if command == "run-child":
                continue  # Its options end at the first operand.
            self.expect(f"ioa {command} localhost --",
                        *(o for o in options if o.startswith("--") and o != "--help"))

    def test_what_is_run_is_completed_as_a_command(self):
        # zsh offers names of commands by way of a table, which compadd does not print.
        others = self.shells.keys() - {"zsh"}
        self.expect("ioa run-child unam", "uname", shells=others)
        self.expect("ioa run --timeout 5 -- unam", "uname", shells=others)
        self.expect("ioa run ls some", "some-file", but_not=["--timeout"])
        self.expect("ioa run ls --tim", but_not=["--timeout"])
        self.expect("ioa run --restart ", "never", "on-failure", "always")
        self.expect("ioa run --stdin so", "some-file")

    def test_options_without_a_command(self):
        options = self.options_of()
        self.expect("ioa --", *(o for o in options if o.startswith("--")))
        self.expect("ioa --", *(o for o in self.options_of("connect") if o.startswith("--")))
        self.expect("ioa -z --any --tim", "--timeout")

    def test_a_command_has_no_options_of_another(self):
        self.expect("ioa resolve --", but_not=["--probe", "--on-stdin-eof"])
        self.expect("ioa connect --", but_not=["--reverse", "--unordered"])

    def test_commands(self):
        self.expect("ioa ", *self.commands(), "help", "localhost")
        self.expect("ioa c", "connect", but_not=["resolve"])
        self.expect("ioa help ", *self.commands(), but_not=["help", "localhost"])
        self.expect("ioa help connect ", but_not=["resolve", "localhost", "http"])

    def test_words(self):
        loops = ["epoll", "poll", "select"]
        self.expect("ioa connect --loop ", *loops, but_not=["localhost"])
        self.expect("ioa resolve --loop=", *loops, but_not=["localhost"])
        self.expect("ioa resolve --loop=ep", "epoll", but_not=["select"])
        self.expect("ioa resolve --color ", "auto", "always", "never")
        self.expect("ioa connect --on-stdin-eof ", "half-close", "after-reply", "close", "keep")
        self.expect("ioa connect --on-stdin-eof=af", "after-reply")
        self.expect("ioa connect --on-peer-eof=", "auto", "exit", "finish")
        self.expect("ioa connect localhost 80 --on-peer-eof ", "auto", "exit", "finish")

    def test_files(self):
        for line in ("--output ", "--output=so", "-o ", "-no so", "--events ", "-U ", "unix:",
                     "unix:so"):
            self.expect(f"ioa connect {line}", "some-file", but_not=["localhost", "http"])

    def test_hosts_and_ports(self):
        self.expect("ioa connect ", "localhost", but_not=["http", "some-file"])
        self.expect("ioa connect -z lo", "localhost", but_not=["http"])
        self.expect("ioa connect -w 3 lo", "localhost")
        self.expect("ioa connect kn", "known.example.org", shells=self.shells.keys() - {"bash alone"})
        self.expect("ioa resolve ", "localhost", but_not=["http", "some-file"])
        self.expect("ioa resolve localhost lo", "localhost")
        self.expect("ioa connect localhost ", "http", but_not=["localhost"])
        self.expect("ioa connect -w 3 localhost ht", "http", but_not=["localhost"])
        self.expect("ioa -z localhost ht", "http")
        self.expect("ioa localhost ht", "http")

    def test_a_value_that_cannot_be_guessed_is_left_to_the_user(self):
        self.expect("ioa connect --timeout ", but_not=["localhost", "http", "some-file"])


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    Completions.program = os.path.abspath(sys.argv[1])
    Completions.folder = pathlib.Path(sys.argv[2]).resolve()
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])


if __name__ == "__main__":
    main()
