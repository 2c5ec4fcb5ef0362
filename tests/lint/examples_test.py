#!/usr/bin/env python3
"""Gives the checks of examples and completions something to find.

usage: examples_test.py
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
COMPLETIONS = HERE.parents[1] / "completions"

PAGE = r""".Dd January 1, 2020
.Dt IOA 1
.Os
.Sh NAME
.Nm ioa
.Nd test
.Sh EXAMPLES
First,
.Bd -literal -offset indent
$ printf 'a\en' | ioa one |
    cat
one a
took 3ms
.Ed
.Pp
then:
.Dl $ ioa quiet
.Sh SEE ALSO
.Dl $ ioa bad
"""

README = """# ioa
```sh
./dev run one </dev/null &
wait $!
```
```text
one
took 1.5s
```
```sh
./dev run one </dev/null
```
```
./dev run bad
```
""" + "```sh\ntrue\n```\n" * 3

PROGRAM = """#!/bin/sh
case $1 in
  one) echo "one" $(cat); echo "took 2ms" ;;
  quiet) ;;
  hang) cat ;;
  *) echo "bad" >&2; exit 3 ;;
esac
"""

HELP = """#!/bin/sh
case $1 in
  --help) printf 'Commands:\\n  connect   join\\n  resolve   look up\\n\\nOptions:\\n  -h, --help   this\\n' ;;
  *) printf 'Options:\\n  -v, --verbose   say\\n  --json   this\\n' ;;
esac
"""


class Check(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.program = self.write("program", PROGRAM)
        self.program.chmod(0o755)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def assert_passes(self, script, *arguments):
        result = self.run_check(script, *arguments)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def assert_finds(self, text, script, *arguments):
        result = self.run_check(script, *arguments)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(text, result.stdout + result.stderr)

    def run_check(self, script, *arguments):
        return subprocess.run([sys.executable, HERE / script, *arguments], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)


class ManExamples(Check):
    def check(self, old, new):
        self.write("man/ioa.1", PAGE.replace(old, new))
        return "man_examples.py", self.program, self.root / "man"

    def test_good_examples(self):
        self.assert_passes(*self.check("", ""))

    def test_what_it_finds(self):
        for old, new, found in (
                ("ioa quiet", "ioa bad", "ioa.1: status 3: 'ioa bad' printed 'bad\\n'"),
                ("one a", "one b", "where the document says\none b\ntook DURATION"),
                ("took 3ms\n", "", "where the document says\none a"),
                ("ioa one", "ioa bad", "status 3"),
                (".Sh EXAMPLES", ".Sh CAVEATS", "ioa.1: has no EXAMPLES")):
            with self.subTest(new):
                self.assert_finds(found, *self.check(old, new))


class ReadmeExamples(Check):
    def check(self, old, new):
        return "readme_examples.py", self.write("README.md", README.replace(old, new)), self.program

    def test_good_examples(self):
        self.assert_passes(*self.check("", ""))

    def test_what_it_finds(self):
        for old, new, found in (
                ("run one </dev/null\n", "run bad\n", "README.md:10: status 3"),
                ("took 1.5s", "took long", "README.md:2: "),
                ("sh\ntrue", "bash\ntrue", "2 examples, fewer than five")):
            with self.subTest(new):
                self.assert_finds(found, *self.check(old, new))


class CompletionsTest(Check):
    def check(self, old, new, *tests):
        program = self.write("help", HELP.replace(old, new))
        program.chmod(0o755)
        return "completions_test.py", program, COMPLETIONS, *tests

    def test_what_it_finds(self):
        every_option = "Completions.test_every_option_of_every_command"
        self.assert_passes(*self.check("", "", every_option))
        self.assert_finds("fish does not offer these at 'ioa connect --'",
                          *self.check("--json", "--jsons", every_option))
        self.assert_finds("zsh does not offer these at 'ioa connect -'",
                          *self.check("-v", "-V", every_option))
        self.assert_finds("bash alone does not offer these at 'ioa '",
                          *self.check("  resolve", "  reverse", "Completions.test_commands"))


if __name__ == "__main__":
    unittest.main()
