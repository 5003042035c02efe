"""Whether every address of a document stands whole: not the second half of one that a line end or a blank has cut.

``jan.`` at the end of a line and ``kowalski@nowa.example`` on the next one may be one address or two words. So what
touches an address must be a word of such letters, on its own line any word that is no noun ("… sprawdzam codziennie"),
a name line, or a sign that no address has at its end. Pure, linear.
"""

from __future__ import annotations

import re

from mailbot.application.letter.labels import COURTESY
from mailbot.ruleset.sayings import Words
from mailbot.text import polish
from mailbot.text.unicode import flat

_ADDRESS = re.compile(r"[^\s<>()\[\]{},;:\"„”|/\\=@]{1,64}@[^\s<>()\[\]{},;:\"„”|/\\=@]{1,255}")
_BEFORE = re.compile(r"([^\s@]{1,100})[^\S\n]*(\n?)[^\S\n]*\Z")
_AFTER = re.compile(r"[^\S\n]*(\n?)[^\S\n]*([^\s@]{1,100})")
_REST = re.compile(r"[ \t]*\n[ \t]*([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,9}\.?)(?![^\s,;:)\]>!?])")
"""Of a domain that goes on in the next line."""
_LOOSE = re.compile(r"\S\s{1,9}@|@\s{1,9}\S|@\s*@")
_SEPARATES = tuple(':;,()[]<>"„”|=!?»«')
_JOINTS = ("-", "_", "+")
"""With which the half of an address begins or ends, even beside a gap."""
_WORD = re.compile(r"[^\W_]+(?:[-'’/][^\W_]+)*")
_ITEM = re.compile(r"\(?(?:\d{1,2}|[a-z])[.)]")
_LIKE_L = re.compile(r"(?<=[a-z0-9])I|I(?=[aeiouylI])")
"""A large I that an eye takes for a small l."""
_REACH = 210
_NOUNS = ("subst", "brev", "frag", "ign", "num", "depr")
_PROSE = 3
"""Words that a label has at most."""
_DASHES = ("-", "–", "—", "•", "*", "·", "…", "___", "...")


def cut(text: str, words: Words) -> tuple[str, ...]:
    """A doubt when an address of ``text`` may go on before or behind what stands there, or looks like another."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    if _LOOSE.search(text):
        return ("an address with a gap at its @",)
    for found in _ADDRESS.finditer(text):
        if not found[0].isascii() or (not found[0].isupper() and _LIKE_L.search(found[0])):
            return ("an address with letters that look like others",)
        front, behind = text[max(0, found.start() - _REACH) : found.start()], text[found.end() : found.end() + _REACH]
        whole = _ends(found[0], behind, words) or _parted(found[0], behind, words) is not None
        if not _begins(front, words) or not whole:
            return ("an address that may be cut in two",)
    return ()


def torn(text: str, words: Words) -> tuple[str, ...]:
    """The addresses of ``text``, in small letters and put together, that a line's end parts behind a hyphen.

    Programs break lines there, and some put a hyphen where they break one: whether it belongs to the address, only
    who knows the address can tell (``application.check``).
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    parted = (_parted(found[0], text[found.end() : found.end() + _REACH], words) for found in _ADDRESS.finditer(text))
    return tuple(dict.fromkeys(one for one in parted if one is not None))


def _parted(address: str, behind: str, words: Words) -> str | None:
    """``address`` with what stands on the next line, where its first line ends with a hyphen of its domain."""
    following = _REST.match(behind) if address.endswith("-") else None
    if following is None:
        return None
    joined = address + following[1]
    return joined.rstrip(".").lower() if _ends(joined, behind[following.end() :], words) else None


def _begins(front: str, words: Words) -> bool:
    """Whether nothing in ``front`` can be the beginning of the address behind it."""
    last = _BEFORE.search(front)
    if last is None or (not front[-1:].isspace() and front[-1:] in _SEPARATES):
        return True
    token, newline = last[1], last[2]
    if "\n\n" in front[-2:] or token.endswith(_SEPARATES) or token in _DASHES:
        return True
    if "\t" in front[last.end(1) :]:
        return not (token.endswith(_JOINTS) and token[:1].isalnum())
    if not re.fullmatch(r"\W{0,3}" + _WORD.pattern + r"[.]?", token):
        return token.endswith(("...", "___", "…")) or not any(c.isalnum() for c in token)
    word = token.strip(".").lstrip('([„"-–•*')
    if newline and token.endswith(".") and not _ends_prose(front[: last.start(1)]):
        return False
    if _is_known(word, words) or (not newline and not token.endswith(".") and _is_no_noun(word)):
        return True
    line = front[: last.end(1)].rpartition("\n")[2].split()
    named = (word.istitle() or word.isdigit()) and not token.endswith(".")
    return named and (not newline or (len(line) > 1 and all(_is_named(w, words) for w in line)))


def _ends_prose(front: str) -> bool:
    """Whether a word behind ``front`` ends a sentence, and is not the first of a cell, a value or a line."""
    head, _, line = front.rpartition("\n")
    if line.strip():
        return not line.rstrip(" ").endswith((":", "\t"))
    above = head.rpartition("\n")[2].split()
    return len(above) > _PROSE and above[-1][-1].isalpha()


def _ends(address: str, behind: str, words: Words) -> bool:
    """Whether nothing in ``behind`` can be the end of the ``address`` before it."""
    following = _AFTER.match(behind)
    if following is None or behind[:1] in _SEPARATES:
        return True
    newline, token = following[1], following[2]
    if token in _DASHES:
        return True
    if "\t" in behind[: following.start(2)]:
        joined = token.startswith((".", *_JOINTS)) and token[1:2].isalnum()
        return not joined and not (address.endswith((".", *_JOINTS)) and token[:1].islower())
    if token.startswith(_SEPARATES) or _ITEM.fullmatch(token):
        return True
    if address.endswith("-") or (token.startswith((".", "-", "_")) and not token.startswith(("...", "___", "--"))):
        return not any(c.isalnum() for c in token) and not address.endswith("-")
    word = _WORD.match(token)
    if word is None or (not newline and not address.endswith(".") and word[0][:1].isupper()):
        return True
    bare = token.rstrip(".,;:!?)")
    if not newline and not address.endswith(".") and _is_no_noun(bare):
        return True
    return bool(word[0][:1].isupper() and word[0] == bare) or _is_known(bare, words) or token.endswith((":", ")"))


def _is_named(word: str, words: Words) -> bool:
    """Whether ``word`` may stand in a line of names or of a postal address."""
    return not word[:1].islower() or _is_known(word, words)


def _is_no_noun(word: str) -> bool:
    """Whether ``word`` is one of the dictionary, and none of those by which things, and so mailboxes, are called."""
    senses = polish.senses(word) if word.islower() else ()
    return bool(senses) and all(sense.part not in _NOUNS for sense in senses)


def _is_known(word: str, words: Words) -> bool:
    word = word.strip("().,;:")
    if flat(word) in COURTESY:
        return True
    return _WORD.fullmatch(word) is not None and all(flat(part) in words for part in re.split(r"[-'’/]", word))
