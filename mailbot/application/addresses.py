"""Which address is the old login and which the new e-mail: told by the words next to each, never by order alone.

An address gets a role when a cue ("dotychczasowy", "nowy", …) stands in front of it or behind it with nothing but
filler words between, or when the clause in front of it knows cues of one role only. All others stay without a role.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from mailbot.application.labels import (
    CHANGE,
    CUES,
    FILLERS,
    FROM,
    INSTEAD,
    LOGIN,
    NOUNS,
    ONTO,
    SET,
    WHICH,
    Role,
    outside_brackets,
    words,
)
from mailbot.request.characters import flat
from mailbot.text.address import login_key, normalise

_ADDRESS = re.compile(
    r"(?<![^\s<>()\[\]{},;:\"„”'|/\\=])[^\s<>()\[\]{},;:\"„”|/\\=@]{1,64}@[^\s<>()\[\]{},;:\"„”'|/\\=@]{1,255}"
)
_MOST_ADDRESSES = 60
_CONTEXT = 400
"""Characters in front of an address in which its cue is looked for."""
_JOINING = frozenset(("i", "oraz", "lub", "albo", "czy", "badz", "ewentualnie", "or", "and"))
_ACCOUNT = ("konto", "konta", "koncie", "login")
_MAILBOX = ("login", "logow", "zalogow", "adres", "mail", "email", "poczt", "skrzyn", "kont")
_CONTACT = ("pisz", "wysyl", "kontakt", "tel", "fax", "faks", "koresp", "odpow", "biuro", "kopi", "dw", "cc")
"""How words begin beside an address that is a login, and beside one at which somebody is reached."""
_RUBBISH = ".,;:!?…_-*'’`´"
_SENTENCE = re.compile(
    r"(?<!\btj)(?<!\btzn)(?<!\bnp)(?<!\bww)(?<!\bul)(?<!\bur)(?<!\badr)(?<!\bds)(?<!\bnr)[.!?;](?=\s)"
)
_CLAUSE = re.compile(r"[,;\n]|[.!?](?=\s|$)|\s(?:i|oraz|a|na|lecz|ale|natomiast|zas|zamiast|prosze|wnosze)\s")
_APPOSITION = re.compile(r"\s{0,3}\([^()]{1,120}\)")
_RELATIVE = re.compile(r"\s{0,3},?\s{0,3}(?:(?:do|na|z|za)\s)?ktor[^,.;(]{0,160}")
_OWN_LABEL = re.compile(r"^[^:\t]{0,200}[:\t]")


@dataclass(frozen=True, slots=True)
class Mention:
    """One address in a text."""

    start: int
    end: int
    address: str | None
    """As written; None: something like an address that is none."""

    @property
    def key(self) -> str:
        """Equal for two spellings of one address."""
        return (login_key(self.address) if self.address else None) or f"\0{self.start}"


def join_broken(text: str) -> str:
    """``text`` with addresses mended that a line end or a blank beside the @ has cut, and dotted lines blanked."""
    text = re.sub(r"[.…‥]{3,}|…|_{3,}|-{4,}|\.(?:[ \t]\.){2,}", " ", text)
    text = re.sub(r"(?<=[\w.+-])[ \t]{0,9}\n?[ \t]{0,9}@[ \t]{0,9}\n?[ \t]{0,9}(?=\w)", "@", text)
    text = re.sub(r"(?<=\w)\s{0,3}(?:\[at\]|\(at\)|\[małpa\]|\(małpa\))\s*(?=\w)", "@", text)
    # A cell or a line that breaks inside an address: it ends with the sign that wants more of it.
    return re.sub(
        r"(?m)((?:^|[:\t])[ \t]*[\w.+-]{1,64}[._+-]|@[\w-]{1,63}[.-]|@[\w.-]{1,200}-)\n[ \t]*(?=[\w.+-]+(?:@|\.\w))",
        r"\1",
        text,
    )


def mentions(text: str) -> list[Mention]:
    """Every address of ``text`` in order, at most 60. ``mailto:`` and what surrounds it are no part of it."""
    found = []
    for match in _ADDRESS.finditer(text):
        raw = match[0]
        lead = len(raw) - len(raw.lstrip(_RUBBISH.replace("_", "")))
        raw = raw.lstrip(_RUBBISH.replace("_", "")).rstrip(_RUBBISH)
        start = match.start() + lead
        found.append(Mention(start, start + len(raw), raw if is_address(raw) else None))
        if len(found) == _MOST_ADDRESSES:
            break
    return found


def roles(text: str) -> tuple[list[Mention], list[Role | None], list[bool]]:
    """The mentions of ``text``, the role of each, and whether a bare "login" leads up to it."""
    found = mentions(text)
    low = flat(text)
    given: list[Role | None] = []
    weak: list[bool] = []
    start = 0
    for i, mention in enumerate(found):
        last = i + 1 == len(found)
        until = len(low) if last else found[i + 1].start
        behind = _behind(low[mention.end : until], last=last)
        context = _in_front(low, start, mention.start)
        run = _run(low, found, i)
        role, sure = _leading(context, run=run)
        after = _following(behind)
        if after is not None and after is not role:
            role = None if sure else after
        if role is None and after is None:
            sentence = low[max(0, mention.start - _CONTEXT) : mention.start]
            role = _changed(sentence, low[mention.end : until] if not last else "")
        if role is None and i and not _parted(low, found[i - 1], mention):
            role = given[-1]  # "nowy login: A, B": both are called new, so neither is certain
        given.append(role)
        weak.append(role is None and _is_login(context, behind))
        start = mention.end + len(behind)
    return found, given, weak


def _parted(low: str, left: Mention, right: Mention) -> bool:
    """Whether there is a word or a blank line between two addresses, or they are the same."""
    gap = low[left.end : right.start].replace("mailto", "")
    return left.key == right.key or "\n\n" in gap or not _JOINING.issuperset(words(gap))


def _run(low: str, found: list[Mention], i: int) -> bool:
    """Whether another address follows or goes before directly: then one cue cannot tell them apart."""
    before = i > 0 and not _parted(low, found[i - 1], found[i])
    return before or (i + 1 < len(found) and not _parted(low, found[i], found[i + 1]))


def _behind(gap: str, *, last: bool) -> str:
    """The part of the text behind an address that still speaks of it."""
    for pattern in (_APPOSITION, _RELATIVE):
        if match := pattern.match(gap):
            return match[0]
    clause = _CLAUSE.search(gap)
    if clause:
        return gap[: clause.start()]
    return gap[:200] if last else ""


def _in_front(low: str, start: int, at: int) -> str:
    """The text in front of an address in which its cue may stand: its sentence, or the label of its own line."""
    context = low[max(start, at - _CONTEXT) : at]
    ends = [match.end() for match in _SENTENCE.finditer(context)]
    context = context[ends[-1] :] if ends else context
    head, newline, line = context.rpartition("\n")
    label = _OWN_LABEL.match(line)
    if newline and label and any(word not in FILLERS for word in words(label[0])):
        return line
    if newline and label:  # "E-mail:" alone says nothing; a heading above it may
        heading = head.rstrip().rpartition("\n")[2]
        if heading.endswith(":") and NOUNS.isdisjoint(words(heading)):
            return f"{heading}\n{line}"
        return line
    paragraph = re.search(r"(?<!:)\n[ \t]*\n(?!.*\n[ \t]*\n)", context, re.DOTALL)
    return context[paragraph.end() :] if paragraph and context[paragraph.end() :].strip() else context


def _cues(context: str) -> list[tuple[int, int, Role]]:
    """Start, end and role of every cue, in order; those that only say what is replaced ("zamiast starego") left out."""
    found = []
    for role, pattern in CUES:
        for match in pattern.finditer(context):
            if INSTEAD.search(context[: match.start()]) and not NOUNS.issuperset(words(context[match.end() :])):
                continue
            found.append((match.start(), match.end(), role))
    return sorted(found, key=lambda cue: cue[1])


def _leading(context: str, *, run: bool) -> tuple[Role | None, bool]:
    """Role told by the words in front of an address, and whether they stand directly at it."""
    cues = _cues(outside_brackets(context)) or _cues(context)
    if not cues:
        return None, False
    _, end, role = cues[-1]
    told = {cue[2] for cue in cues}
    between = context[end:]
    tail = between.rpartition(":")[2]
    adjacent = FILLERS.issuperset(words(outside_brackets(between)))
    if len(told) == 1:
        readable = ":" not in between or FILLERS.issuperset(words(tail))
        set_to = SET.search(between) and role is Role.OLD  # "stary login proszę ustawić na …"
        return (role, adjacent) if readable and not set_to else (None, False)
    opposite = max(cue[1] for cue in cues if cue[2] is not role)
    if run or not adjacent or WHICH.search(context[opposite : cues[-1][0]]):
        return None, False
    return role, True


def _following(behind: str) -> Role | None:
    """Role told by the words behind an address: "(stary login)", "ma być nowym loginem"."""
    told = {role: start for start, _, role in reversed(_cues(behind))}
    if len(told) != 1:
        return None
    [(role, start)] = told.items()
    return role if FILLERS.issuperset(words(behind[:start])) else None


def _changed(sentence: str, gap: str) -> Role | None:
    """ "zmianę loginu z A na B", "zmianę A na B": the prepositions tell, in a sentence that speaks of a change."""
    ends = [match.end() for match in _SENTENCE.finditer(sentence)]
    sentence = sentence[ends[-1] :] if ends else sentence
    if not CHANGE.search(sentence):
        return None
    for role, pattern in ((Role.NEW, ONTO), (Role.OLD, FROM)):
        matches = list(pattern.finditer(sentence))
        if matches and NOUNS.issuperset(words(sentence[matches[-1].end() :])):
            return role
    onto = ONTO.search(gap)
    if onto and not words(gap[: onto.start()]) and (NOUNS | {"nowy"}).issuperset(words(gap[onto.end() :])):
        return Role.OLD
    return None


def _is_login(context: str, behind: str) -> bool:
    """Whether "login" without any other word for old or new stands at the address."""
    if _cues(context) or _cues(behind) or CHANGE.search(context):
        return False
    front = list(LOGIN.finditer(context))
    if front and FILLERS.issuperset(words(context[front[-1].end() :])):
        return True
    back = LOGIN.search(behind)
    return back is not None and FILLERS.issuperset(words(behind[: back.start()]))


def pick(text: str) -> tuple[set[str], set[str]]:
    """Old logins and new addresses of ``text``, as written, one spelling each; an unreadable one is "".

    More than one in a set means doubt. A bare "login" counts only where nothing is called old.
    """
    found, given, weak = roles(join_broken(text))
    if len(found) == _MOST_ADDRESSES:
        return {""}, {""}
    old = {m.key: m.address or "" for m, role in zip(found, given, strict=True) if role is Role.OLD}
    new = {m.key: m.address or "" for m, role in zip(found, given, strict=True) if role is Role.NEW}
    if not old:
        old = {m.key: m.address or "" for m, bare in zip(found, weak, strict=True) if bare and m.key not in new}
    if not old and len(new) == 1:
        old = _other(found, new, flat(join_broken(text)))
    return set(old.values()), set(new.values())


def _other(found: list[Mention], new: Collection[str], low: str) -> dict[str, str]:
    """The only other address where the new one is told: the old login, in a sentence that speaks of a mailbox or login.

    Never the other way round: who is given the account must be named so.
    """
    others = [m for m in found if m.key not in new]
    if len({m.key for m in others}) != 1:
        return {}
    first = others[0]
    line = low[low.rfind("\n", 0, first.start) + 1 : first.start]
    label = words(line) if not words(line.rpartition(":")[2]) else ["konto"]
    if not any(word.startswith(_ACCOUNT) for word in label) or "\t" in line:
        return {}  # it may be the value of another label, or of none
    behind = low[first.end :]
    end = _SENTENCE.search(behind)
    said = words(_in_front(low, 0, first.start)) + words(behind[: end.start()] if end else behind.partition("\n")[0])
    if any(word.startswith(_CONTACT) for word in said) or not any(word.startswith(_MAILBOX) for word in said):
        return {}
    return {first.key: first.address or ""}


def stray(text: str, told: Collection[str]) -> bool:
    """Whether there is an address, or something like one, besides those in ``told``."""
    text = join_broken(text)
    known = {login_key(address) for address in told}
    found = mentions(text)
    return any(m.key not in known for m in found) or text.count("@") > len(found)


def is_address(text: str) -> bool:
    """Whether ``text`` is one whole e-mail address of a domain with a dot: a cut one is none."""
    return "." in text.rpartition("@")[2] and normalise(text) is not None


def label_role(label: str) -> Role | None:
    """Role told by the label of a form field or of a table's column."""
    low = flat(label.replace("_", " "))
    role, _ = _leading(low, run=False)
    if role is None and not _cues(low) and LOGIN.search(low):
        return Role.OLD
    return role
