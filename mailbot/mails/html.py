"""The HTML alternative, made from the plain text alone, so that both always say the same.

Plain elements that every screen reader knows: headings, paragraphs, lists, and a link where a line is nothing but one.
Number and deadline are set off, telephone and portal are links. Colours are the reader's, light or dark.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from html import escape

_BREAK = re.compile(r"\n{2,}")
_ITEM = re.compile(r"(?:\d+\.|[–-]) ")
_URL = re.compile(r"https?://[^\s<>\"]+")
_HEADING = re.compile(r"[^\W\d_]+(?: [^\W\d_]+){0,5}")
_IN_A_WORD = re.compile(r"[\w/.]")
_GOES_ON = re.compile(r"/?\w")


_HEAD = """\
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<style>
:root { color-scheme: light dark; background: Canvas; color: CanvasText; }
body { max-width: 40em; margin: 0 auto; padding: 1em; font: 1em/1.5 sans-serif; overflow-wrap: anywhere; }
h2 { font-size: 1.125em; }
</style>
"""


def from_text(
    title: str, text: str, language: str = "pl", strong: Collection[str] = (), links: Mapping[str, str] | None = None
) -> str:
    """An HTML document (lines ended by \\n) that says what ``text`` says, marked as written in ``language``.

    ``strong``: words that are set off where they stand first; ``links``: words that lead somewhere, with their target.
    """
    escaped = escape(text.strip("\n"))  # once and for all: everything below handles HTML
    blocks = [_block(block.split("\n")) for block in _BREAK.split(escaped)]
    head = f"{_HEAD}<title>{escape(title)}</title>"
    body = _marked("\n".join(blocks), strong, links or {})
    document = f'<html lang="{language}">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>'
    return f"<!DOCTYPE html>\n{document}\n"


def _marked(body: str, strong: Collection[str], links: Mapping[str, str]) -> str:
    waiting = {escape(words) for words in strong if words}
    targets = {escape(words): escape(target) for words, target in links.items() if words}
    longest_first = sorted({*waiting, *targets}, key=len, reverse=True)
    parts: list[str] = []
    last = 0
    for start, words in _places(body, longest_first):
        spaced = start > last and body[start - 1] == " "
        parts.append(body[last : start - spaced])
        parts.append("\n" if spaced else "")  # at the start of a line no soft line break falls into them
        if words in targets:
            parts.append(f'<a href="{targets[words]}">{words}</a>')
        elif words in waiting:
            waiting.remove(words)
            parts.append(f"<strong>{words}</strong>")
        else:
            parts.append(words)
        last = start + len(words)
    return "".join([*parts, body[last:]])


def _places(body: str, longest_first: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Where the words stand by themselves outside of tags, from the left; of two at one place the longer ones.

    By hand: a pattern would have to be compiled for every mail, which takes as long as all the rest of it.
    """
    found = sorted(
        (place, rank)
        for rank, words in enumerate(longest_first)
        for place in _each(body, words)
        if not _IN_A_WORD.match(body, place - 1, place) and not _GOES_ON.match(body, place + len(words))
    )
    free = 0
    for place, rank in found:
        in_a_tag = body.rfind("<", 0, place) > body.rfind(">", 0, place)
        if place >= free and not in_a_tag:
            yield place, longest_first[rank]
            free = place + len(longest_first[rank])


def _each(body: str, words: str) -> Iterator[int]:
    place = body.find(words)
    while place >= 0:
        yield place
        place = body.find(words, place + 1)


def _block(lines: list[str]) -> str:
    if len(lines) == 1 and _URL.fullmatch(lines[0]):
        return f'<p><a\nhref="{lines[0]}">\n{lines[0]}</a></p>'
    if len(lines) == 1 and _HEADING.fullmatch(lines[0]):
        return f"<h2>{lines[0]}</h2>"
    if _ITEM.match(lines[0]):
        return _list(lines)
    return f"<p>{_joined(lines)}</p>"


def _list(lines: list[str]) -> str:
    items: list[list[str]] = []
    for line in lines:
        if marker := _ITEM.match(line):
            items.append([line[marker.end() :]])
        else:
            items[-1].append(line.strip())
    numbered = re.match(r"(\d+)\.", lines[0])
    if numbered is None:
        opening, closing = "<ul>", "</ul>"
    else:
        first = int(numbered.group(1))
        opening, closing = ("<ol>" if first == 1 else f'<ol start="{first}">'), "</ol>"
    return "\n".join([opening, *(f"<li>{_joined(item)}</li>" for item in items), closing])


def _joined(lines: list[str]) -> str:
    """Lines of one paragraph: a line that goes on with a small letter was only folded, any other begins anew."""
    parts = [lines[0]]
    for line in lines[1:]:
        parts.append("\n" if line[:1].islower() or line[:1] == "„" else "<br>\n")
        parts.append(line)
    return "".join(parts)
