"""Runs the examples of a document in a shell, and compares what they print with what it says."""

import contextlib
import os
import pathlib
import re
import shlex
import signal
import subprocess
import tempfile
import typing

TIMEOUT_S = 60

# What differs from run to run is not compared: durations, times, sizes of buffers in them.
VARIABLE = (
    (re.compile(r'"time":"[^"]*"'), '"time":TIME'),
    (re.compile(r'"(elapsed_ms|duration_ms|rtt_ms|delay_ms)":[0-9.]+'), r'"\1":N'),
    (re.compile(r'"local":"[^"]*"'), '"local":LOCAL'),
    (re.compile(r"\b[0-9]+(\.[0-9]+)? ?(ms|µs|s)\b"), "DURATION"),
)


class Example(typing.NamedTuple):
    where: str
    script: str
    """What is typed: one command or several lines."""
    output: typing.Optional[str]
    """What the document says that it prints; None if it does not say."""


def normalized(text):
    for pattern, replacement in VARIABLE:
        text = pattern.sub(replacement, text)
    # A formatted page has blanks in place of tabs.
    return "\n".join(re.sub(r"\s+", " ", line).strip() for line in text.strip().splitlines())


def run(examples, program, files):
    """Types the examples into one shell, in order; returns a line for each that is not as said.

    The shell is in a folder that holds `files`, and finds `program` as ioa. Every command must have
    the status 0; stdin stays open and silent.
    """
    with tempfile.TemporaryDirectory(prefix="ioa-examples.") as name:
        folder = pathlib.Path(name)
        (folder / "bin").mkdir()
        (folder / "bin/ioa").symlink_to(pathlib.Path(program).resolve())
        work = folder / "work"
        work.mkdir()
        for path, text in files.items():
            (work / path).write_bytes(text)
        results = _type_all(examples, folder, work)
        return [breach for example, result in zip(examples, results)
                for breach in _compare(example, *result)]


def _type_all(examples, folder, work):
    lines = []
    for index, example in enumerate(examples):
        out = shlex.quote(str(folder / f"output.{index}"))
        failed = shlex.quote(str(folder / f"failed.{index}"))
        # Any command that fails leaves its status behind; the shell goes on, as it does by hand.
        lines.append(f"trap 'echo $? >>{failed}' ERR\n"
                     f"{{ {example.script}\n}} >{out} 2>&1\n"
                     f"trap - ERR\n"
                     f"touch {shlex.quote(str(folder / f'done.{index}'))}")
    script = folder / "script"
    script.write_text("set -E -o pipefail\n" + "\n".join(lines) + "\n")
    environment = dict(os.environ, HOME=str(work), LC_ALL="C.UTF-8",
                       PATH=f"{folder / 'bin'}:{os.environ['PATH']}")
    environment.pop("IOA_LOOP", None)
    process = subprocess.Popen(["bash", "--norc", str(script)], cwd=work, env=environment,
                               stdin=subprocess.PIPE, start_new_session=True)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(TIMEOUT_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the servers that the examples left behind, too
    process.wait()
    process.stdin.close()
    return [(_read(folder / f"output.{index}"), _read(folder / f"failed.{index}").split(),
             (folder / f"done.{index}").exists()) for index in range(len(examples))]


def _read(path):
    return path.read_text(errors="replace") if path.exists() else ""


def _compare(example, output, failed, done):
    if not done:
        yield f"{example.where}: did not end: {example.script!r} printed {output!r}"
    elif failed:
        yield f"{example.where}: status {', '.join(failed)}: {example.script!r} printed {output!r}"
    elif example.output is not None and normalized(output) != normalized(example.output):
        yield (f"{example.where}: {example.script!r} printed\n{normalized(output)}\n"
               f"where the document says\n{normalized(example.output)}")
