"""Why a near-miss subject is not the required one, letter by letter (procedure §4, sentences of T7)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from mailbot.model import REQUIRED_SUBJECT, Difference
from mailbot.request.characters import distance, flat

"""The one subject of the special procedure (seed 001)."""
WORDS = ("haslo", "awaryjne", "puesc", "procedura", "specjalna")
_WRITTEN = tuple(REQUIRED_SUBJECT.split())

_LOOKALIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТУХЎԌӀавеѕіјкмнорстухԁԛӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧΑαερονυικτϲꓮꓢꓡꓳꓝꓖꓑꓴꓰꓚꓓꓣꓬꓤꓠꓙ",
    "ABESIJKMHOPCTYXYGIabesijkmhopctyxdqlABEZHIKMNOPTYXAaepovuiktcASLOFGPUECDRYRNJ",
)
# Ł and ł written in one code page and read in another: Latin-2 as Latin-1, UTF-8 as Windows-1252 or 1250, lost.
_BROKEN = re.compile(r"[ÅĹ][\x81\x82‚](?=\w)|[ÅĹ](?=[Oo])|[£³]|\ufffd+|(?<=\w)\?(?=\w)|&#321;|&Lstrok;")
_WORD = re.compile(r"(?:[ÅĹ]‚|&#321;|&Lstrok;|[^\W_]|[£\ufffd\x80-\x9f\u0300-\u0338]|(?<=\w)\?(?=\w))+")
_QUOTE = re.compile("[\"„”“‟«»‹›'‘’‚‛`´＂]")
_AROUND = re.compile(rf"(?<!\w){_QUOTE.pattern}|{_QUOTE.pattern}(?!\w)")
_LINK = re.compile(r"\S*(?:://|@|\w\.\w)\S*")
_MOST_WORDS = 40


def words(text: str) -> list[str]:
    """Words of a subject as written; a broken Ł is a letter of its word."""
    return _WORD.findall(text)


def key(word: str) -> str:
    """What two spellings of one word share: case, diacritics, look-alikes and a broken Ł do not count."""
    return re.sub(r"[^a-z0-9]", "", flat(_BROKEN.sub("l", word).translate(_LOOKALIKE)))


def shown(text: str) -> str:
    """``text`` fit for a mail: no control characters, no addresses, at most 80 characters (procedure §3.5)."""
    text = "".join(" " if unicodedata.category(char)[0] == "C" else char for char in text)
    return " ".join(_LINK.sub("…", text).split())[:80].strip()


def differences(text: str) -> tuple[tuple[Difference, str], ...]:
    """Every difference between ``text`` and the required subject, each code once, in the order of ``Difference``.

    ``text`` is canonical and a near miss; the result is never empty.
    """
    found: dict[Difference, list[str]] = {}
    tokens, respaced = _split(text)
    pairs = _align([key(text[start:end]) for start, end in tokens])
    aligned = sorted(pairs)
    first = tokens[aligned[0]][0] if aligned else 0
    lead = text[:first]
    if lead.strip() and _QUOTE.sub("", lead).strip():
        found[Difference.PREFIX] = [shown(_QUOTE.sub("", lead)) or "…"]
    if _AROUND.search(text):
        found[Difference.QUOTES] = []
    extra = list(_strange(text, tokens, aligned))
    if extra:
        found[Difference.EXTRA] = extra
    absent = [word for i, word in enumerate(_WRITTEN) if i not in pairs.values()]
    if absent:
        found[Difference.PART] = absent
    for position, required in pairs.items():
        for code, detail in _letters("".join(words(text[slice(*tokens[position])])), required):
            found.setdefault(code, []).extend([detail] if detail else [])
    gaps = list(_gaps(text, tokens, aligned))
    if any(re.sub(r"\s", "", _QUOTE.sub("", gap)) for gap in gaps):
        found[Difference.PUNCT] = []
    if respaced or any("  " in gap for gap in gaps):
        found[Difference.SPACES] = []
    return tuple((c, shown(" ".join(found[c]))) for c in Difference if c in found) or ((Difference.PUNCT, ""),)


def _split(text: str) -> tuple[list[tuple[int, int]], bool]:
    """Spans of the words; required words written together are parted, parted ones joined (then True)."""
    spans: list[tuple[int, int]] = []
    respaced = False
    for found in list(_WORD.finditer(text))[:_MOST_WORDS]:
        start, end = found.span()
        while parts := _glued(key(text[start:end])):
            cut = start + parts
            spans.append((start, cut))
            start, respaced = cut, True
        spans.append((start, end))
    joined: list[tuple[int, int]] = []
    while spans:
        start, end = spans.pop(0)
        for count in range(min(len(spans), 9), 0, -1) if key(text[start:end]) not in WORDS else ():
            if key(text[start : spans[count - 1][1]][:30]) in WORDS:
                end, respaced = spans[count - 1][1], True
                del spans[:count]
                break
        joined.append((start, end))
    return joined, respaced


def _glued(said: str) -> int:
    """Length of the required word that ``said`` begins with when another one follows at once, else 0."""
    for first in WORDS:
        if said.startswith(first) and any(said[len(first) :].startswith(second) for second in WORDS):
            return len(first)
    return 0


def _align(said: list[str]) -> dict[int, int]:
    """Which word of the subject stands for which required word: the cheapest alignment, both in order."""
    best: list[list[tuple[float, dict[int, int]]]] = [[(float(j), {}) for j in range(len(WORDS) + 1)]]
    for i, word in enumerate(said):
        row = [(best[i][0][0] + 1.1, best[i][0][1])]
        for j, required in enumerate(WORDS):
            limit = 0 if len(word) < 3 else 1 + (len(required) > 5) + (len(required) > 7)
            apart = distance(word, required, limit)
            options = [(best[i][j + 1][0] + 1.1, best[i][j + 1][1]), (row[j][0] + 1, row[j][1])]
            if apart <= limit:
                options.append((best[i][j][0] + apart / 2, {**best[i][j][1], i: j}))
            row.append(min(options, key=lambda option: option[0]))
        best.append(row)
    return best[-1][-1][1]


def _letters(written: str, required: int) -> Iterator[tuple[Difference, str]]:
    """Differences of the letters of one word."""
    right = _WRITTEN[required]
    if written == right:
        return
    if any(char.islower() for char in written):
        yield Difference.CASE, ""
    mended = _BROKEN.sub("Ł", written)
    if mended != written:
        yield Difference.CHARSET, ""
    latin = unicodedata.normalize("NFKC", mended.translate(_LOOKALIKE))
    if latin != mended:
        yield Difference.HOMOGLYPH, ""
    if latin.upper() == right:
        return
    if latin.upper() == "HASLO":
        yield Difference.DIACRITICS, ""
    else:
        yield Difference.TYPO, written


def _strange(text: str, tokens: list[tuple[int, int]], aligned: list[int]) -> Iterator[str]:
    """Runs of words that do not belong, as written, between and behind the required ones."""
    for left, right in zip(aligned, [*aligned[1:], len(tokens)], strict=True):
        if right > left + 1:
            end = tokens[right][0] if right < len(tokens) else len(text)
            yield re.sub(r"^[\W_]+|[\W_]+$", "", text[tokens[left][1] : end])


def _gaps(text: str, tokens: list[tuple[int, int]], aligned: list[int]) -> Iterator[str]:
    """What stands between and behind the required words, where no other word stands."""
    for left, right in pairwise(aligned):
        if right == left + 1:
            yield text[tokens[left][1] : tokens[right][0]]
    if aligned and aligned[-1] == len(tokens) - 1:
        yield text[tokens[aligned[-1]][1] :]
