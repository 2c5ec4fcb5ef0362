"""What the checks of this folder share: which files are looked at, and how a breach is reported."""

import pathlib
import sys


def sources(root, folders=("app", "cli", "core", "tests"), suffixes=(".hpp", ".cpp")):
    """Yields the sources below the folders, sorted, as paths relative to root."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path.relative_to(root)


def repository():
    """The root of the repository: the first argument, or where this file lies."""
    given = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    return pathlib.Path(given[0] if given else pathlib.Path(__file__).parents[2]).resolve()


def finish(breaches, checked):
    """Prints the breaches, one a line, and exits: with 1 if there are any."""
    for breach in breaches:
        print(breach)
    print(f"{checked}: {len(breaches)} breaches")
    sys.exit(1 if breaches else 0)
