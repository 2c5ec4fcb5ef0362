#!/usr/bin/env python3
"""Fails on a statement with co_await that g++ 12 is known to miscompile.

A statement that awaits has one of four shapes, and e holds no brace, no lambda and no `?:`:

    co_await e;    T x = co_await e;    x = co_await e;    co_return co_await e;

The rule is wider than the compiler's bugs, because it can be remembered. co_await_forms_test.py has
the table of lines that this must tell apart.

usage: co_await_forms.py [ROOT]
"""

import re

import common

COMMENT_OR_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/'
    r'|R"(?P<mark>[^()\\\s]*)\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"
    r'|^[ \t]*#(?:[^\n\\]|\\.)*',
    re.DOTALL | re.MULTILINE)

# What may stand before a statement without being part of it. Parentheses are already emptied.
PREFIX = re.compile(
    r"\s*(?:(?:else|do|(?:if(?:\s+constexpr)?|while|for|switch)\s*\(\s*\)|case\b[^:]*(?:::[^:]*)*:"
    r"|default\s*:|\w+\s*:(?!:)|\[\[[\w:,\s]*\]\])\s*)*")
TARGET = r"\**(?!(?:const|auto)\b)[\w:]+(?:\s*(?:\.|->|::)\s*\w+|\s*\[[^\[\]]*\])*"
TYPE = r"[\w:](?:[\w:<>,\s*&]|\(\))*[\s*&>]"
SHAPE = re.compile(
    rf"(?:co_return\s+|{TYPE}\s*\w+\s*=\s*|{TARGET}\s*=\s*)?co_await\b(?P<e>.*)", re.DOTALL)
LAMBDA = re.compile(r"(?<![\w\)\]>])\s*\[(?!\[)")


def blank(match):
    """Replaces what is no code by something as long, keeping the lines' numbers."""
    text = match.group()
    if text[0] in "\"'R":
        return '""' + re.sub(r"[^\n]", " ", text[2:])
    return re.sub(r"[^\n]", " ", text)


def enclosing_brackets(code):
    """For every index of code, the index of the bracket it lies in, or -1."""
    enclosing, stack = [], [-1]
    for index, char in enumerate(code):
        if char in ")]}" and len(stack) > 1:
            stack.pop()
        enclosing.append(stack[-1])
        if char in "([{":
            stack.append(index)
    return enclosing


def statement_start(code, enclosing, index):
    """Where the statement begins that code[index], directly inside braces, is a part of."""
    outer = enclosing[index]
    start = index
    while start - 1 > outer and not (code[start - 1] in ";}" and enclosing[start - 1] == outer):
        start -= 1
    return start


def statement_end(code, enclosing, index):
    """Index of the `;` that ends it, or None if the enclosing brace is closed first."""
    outer = enclosing[index]
    for end in range(index, len(code)):
        if enclosing[end] == outer and code[end] == ";":
            return end
        if code[end] in ")]}" and enclosing[end] == (enclosing[outer] if outer >= 0 else None):
            return None
    return None


def empty_parentheses(text):
    """Drops what stands in a control statement's parentheses: it has no co_await in it."""
    while True:
        shorter = re.sub(r"\((?!\))(?:[^()]|\(\))*\)", "()", text)
        if shorter == text:
            return text
        text = shorter


def reason_against(code, enclosing, index):
    """Returns (why the co_await at index is not allowed or None, where its statement ends)."""
    outer = enclosing[index]
    if outer >= 0 and code[outer] != "{":
        return "co_await inside parentheses or brackets", index
    end = statement_end(code, enclosing, index)
    if end is None:
        return "co_await inside braces", index
    before = empty_parentheses(code[statement_start(code, enclosing, index):index])
    before = before[PREFIX.match(before).end():]
    match = SHAPE.fullmatch(before + code[index:end])
    if not match:
        return "not one of the four shapes", end
    expression = match.group("e")
    if "{" in expression:
        return "a brace in what is awaited", end
    if LAMBDA.search(expression):
        return "a lambda in what is awaited", end
    if "?" in expression:
        return "?: in what is awaited", end
    if re.search(r"&&|\|\|", expression):
        return "&& or || in what is awaited", end
    return None, end


def check(text):
    """Yields (line number, reason) of every breach in a source."""
    code = COMMENT_OR_LITERAL.sub(blank, text)
    enclosing = enclosing_brackets(code)
    accepted_until = -1
    for match in re.finditer(r"\bco_await\b", code):
        index = match.start()
        if index < accepted_until or re.search(r"\boperator\s*$", code[:index]):
            continue
        reason, end = reason_against(code, enclosing, index)
        if reason:
            yield code.count("\n", 0, index) + 1, reason
        else:
            accepted_until = end


def main():
    root = common.repository()
    files = list(common.sources(root))
    breaches = []
    for path in files:
        for line, reason in check((root / path).read_text()):
            breaches.append(f"{path}:{line}: {reason}")
    common.finish(breaches, f"co_await in {len(files)} files")


if __name__ == "__main__":
    main()
