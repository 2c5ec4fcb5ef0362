#!/usr/bin/env python3
"""Gives every check of this folder something to find, because a check that cannot fail is none."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
GOOD_HELP = """usage: ioa COMMAND

Commands:
  connect, c   join to a peer; not --this
  timer        wait
  help         print this

Options:
  -h, --help           print this, as --that does
"""
COMMAND_HELP = """Options:
  -w, --connect-timeout DUR   limit
  -4                          IPv4 only
  -h, --help
"""


class Check(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run_check(self, script, *arguments):
        return subprocess.run([sys.executable, HERE / script, *(arguments or [self.root])],
                              capture_output=True, text=True)

    def assert_passes(self, script, *arguments):
        result = self.run_check(script, *arguments)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def assert_finds(self, text, script, *arguments):
        result = self.run_check(script, *arguments)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(text, result.stdout + result.stderr)


class Layers(Check):
    def test_an_include_of_a_lower_layer_is_fine(self):
        self.write("core/ioa/io/a.cpp", '#include "ioa/io/a.hpp"\n#include "ioa/base/b.hpp"\n')
        self.write("cli/a.cpp", '#include "cli/a.hpp"\n#include <CLI/CLI.hpp>\n')
        self.write("core/ioa/libevent/a.cpp", "#include <event2/event.h>\n")
        self.write("tests/a.cpp", '#include "cli/a.hpp"\n#include <event2/event.h>\n')
        self.assert_passes("layers.py")

    def test_what_it_finds(self):
        for name, line in (
                ("core/ioa/base/a.cpp", '#include "ioa/io/b.hpp"'),
                ("core/ioa/io/a.cpp", '#include "ioa/timer/b.hpp"'),
                ("core/ioa/io/a.cpp", '#include "b.hpp"'),
                ("core/ioa/io/a.cpp", '#include "cli/b.hpp"'),
                ("core/ioa/io/a.cpp", '#include "tests/b.hpp"'),
                ("core/ioa/io/a.cpp", "#  include <event2/event.h>"),
                ("core/ioa/io/a.cpp", "#include <CLI/CLI.hpp>"),
                ("cli/a.cpp", '#include "app/b.hpp"'),
                ("cli/a.cpp", "#include <event2/event.h>")):
            with self.subTest(name + ": " + line):
                path = self.write(name, "\n" + line + "\n")
                self.assert_finds(f"{name}:2: ", "layers.py")
                path.unlink()

    def test_a_folder_without_a_number(self):
        self.write("core/ioa/new/a.cpp", "")
        self.assert_finds("new has no layer number", "layers.py")

    def test_a_library_in_two_folders(self):
        self.write("core/ioa/io/a.cpp", "#include <openssl/ssl.h>\n")
        self.assert_passes("layers.py")
        self.write("core/ioa/net/a.cpp", "#include <openssl/sha.h>\n")
        self.assert_finds("core/ioa/net/a.cpp:1: ", "layers.py")


class CoAwaitForms(Check):
    def test_what_it_finds(self):
        self.write("cli/a.cpp", "Future<> f() {\n  co_await g();\n}\n")
        self.assert_passes("co_await_forms.py")
        self.write("cli/b.hpp", "Future<> f() {\n  if (co_await g()) h();\n}\n")
        self.assert_finds("cli/b.hpp:2: ", "co_await_forms.py")


class FileSizes(Check):
    def test_what_it_finds(self):
        self.write("cli/a.cpp", "\n" * 500)
        self.assert_passes("file_sizes.py")
        self.write("cli/b.cpp", "\n" * 501)
        self.assert_finds("cli/b.cpp:500: ", "file_sizes.py")


class ReleaseLinkage(Check):
    def test_what_it_finds(self):
        self.assert_finds("needs ", "release_linkage.py", "/usr/bin/curl")
        self.assert_finds("not a dynamically", "release_linkage.py", self.object_file())

    def object_file(self):
        source = self.write("a.cpp", "int a;\n")
        subprocess.run(["g++", "-c", source, "-o", self.root / "a.o"], check=True)
        return self.root / "a.o"


class OptionsDocumented(Check):
    def setUp(self):
        super().setUp()
        self.program = self.write("ioa", "#!/bin/sh\n"
                                  f"[ $# = 1 ] && cat <<'E' && exit\n{GOOD_HELP}E\n"
                                  f"cat <<'E'\n{COMMAND_HELP}E\n")
        self.program.chmod(0o755)
        self.write("man/ioa.1", ".It Fl h , Fl -help\n")
        for command in ("connect", "timer"):
            self.write(f"man/ioa-{command}.1", ".It Fl w , Fl -connect-timeout Ar d\n.It Fl 4\n")
        for name in ("ioa.bash", "_ioa"):
            self.write(f"completions/{name}", "-h --help -w --connect-timeout= -4")
        self.write("completions/ioa.fish", "-s h -l help -s w -l connect-timeout -s 4")

    def arguments(self):
        return [self.program, self.root / "man", self.root / "completions"]

    def test_all_is_documented(self):
        self.assert_passes("options_documented.py", *self.arguments())

    def test_what_it_finds(self):
        for name, old, new, found in (
                ("man/ioa.1", "Fl h", "Fl H", "ioa.1: ioa -h is not documented"),
                ("man/ioa-timer.1", "-connect-timeout", "-connect-timeouts",
                 "ioa-timer.1: ioa timer --connect-timeout"),
                ("completions/ioa.bash", "-w", "", "ioa.bash: ioa connect -w is not completed"),
                ("completions/_ioa", "--help", "--helpful", "_ioa: ioa --help"),
                ("completions/ioa.fish", "-s 4", "-l 4", "ioa.fish: ioa connect -4"),
                ("ioa", "Commands", "Comments", "lists no command"),
                ("ioa", "  -4", "  --new", "--new is not documented")):
            with self.subTest(name + ": " + new):
                good = (self.root / name).read_text()
                self.write(name, good.replace(old, new))
                self.assert_finds(found, "options_documented.py", *self.arguments())
                self.write(name, good)

    def test_a_page_that_is_missing(self):
        (self.root / "man/ioa-timer.1").unlink()
        self.assert_finds("ioa-timer.1: is missing", "options_documented.py", *self.arguments())


class EngineRows(Check):
    def table(self, change=lambda rows: rows):
        """A page with every row the check wants, after a change by the test."""
        sys.path.insert(0, str(HERE))
        import engine_rows
        self.write("core/ioa/loop/loop.hpp", "")
        self.write("tests/unit/a_test.cpp", "TEST(LoopTest, Turns) {}\nTEST_P(LoopTest,\n  Stops) {}\n")
        rows = {row: "loop/loop.hpp | LoopTest.Turns, `LoopTest.Stops` | |"
                for row in sorted(engine_rows.wanted_rows())}
        change(rows)
        self.write("ARCHITECTURE.md", "".join(f"| {row} | {rest}\n" for row, rest in rows.items()))

    def test_a_whole_table_is_fine(self):
        self.table()
        self.assert_passes("engine_rows.py")

    def test_a_row_may_say_why_it_needs_no_test(self):
        self.table(lambda rows: rows.update({"NTF-9": "- | - | templates compose |"}))
        self.assert_passes("engine_rows.py")

    def test_what_it_finds(self):
        for row, text in [("- | - | |", "neither pinned nor said why not"),
                          ("loop/gone.hpp | LoopTest.Turns | |", "there is no core/ioa/loop/gone.hpp"),
                          ("loop/loop.hpp | LoopTest.Gone | |", "there is no test LoopTest.Gone"),
                          ("loop/loop.hpp | LoopTest.Turns |", "3 cells, not 4")]:
            with self.subTest(text):
                self.table(lambda rows, row=row: rows.update({"WIO-1": row}))
                self.assert_finds(text, "engine_rows.py")

    def test_a_missing_row(self):
        self.table(lambda rows: rows.pop("TMR-10"))
        self.assert_finds("TMR-10 has no answer", "engine_rows.py")


if __name__ == "__main__":
    unittest.main()
