"""Which address is the old login and which the new e-mail: told by the words next to each, never by order alone.

An address gets a role when a cue ("dotychczasowy", "nowy", …) stands in front of it or behind it with nothing but
filler words between, or when the clause in front of it knows cues of the old one only; else by what stands between it
and another address (``pairs``). All others stay without a role.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from mailbot.application.letter import pairs
from mailbot.application.letter.cues import (
    AS_LOGIN,
    ASIDE,
    ASKED,
    CHANGE,
    DENIED,
    LOGIN,
    LOGIN_OR_ADDRESS,
    NEXT,
    NOUNS,
    SENT,
    SET,
    THEIRS,
    WAS_USED,
    WHICH,
    WISHED,
    WRONG,
    Role,
    cues,
    fill,
    labels,
    leads,
    refused,
    told,
)
from mailbot.application.letter.labels import outside_brackets, words
from mailbot.application.letter.mentions import MOST, Mention, join_broken, mentions
from mailbot.application.letter.pairs import DESK, SENTENCE, Told
from mailbot.request.characters import flat
from mailbot.text.address import login_key

_CONTEXT = 400
"""Characters in front of an address in which its cue is looked for."""
JOINING = frozenset(("i", "oraz", "lub", "albo", "czy", "badz", "ewentualnie", "or", "and"))
_CLAUSE = re.compile(r"[,;\n]|[.!?](?=\s|$)|\s(?:i|oraz|a|na|lecz|ale|natomiast|zas|zamiast|prosze|wnosze)\s")
_APPOSITION = re.compile(r"\s{0,3}\([^()]{1,120}\)")
_RELATIVE = re.compile(
    r"\s{0,3},?\s{0,3}(?:(?:(?:do|na|z|za)\s)?ktor[^,.;(]{0,160}"
    r"|i\s(?:prosze|chce|chcial\w{1,4}),?\s(?:ze|a)?by\s[^.;@]{0,80}"
    r"|(?:i\s)?(?:niech|to|on[ao]?|ja|byl[ao]?|bedaca|bedacy)\b[^,.;()]{0,120})"
)
_AND_I_ASK = re.compile(r"\A\s*i\s(?:prosze|chce|chcial\w{1,4})\b")
_HEADED = re.compile(r"(?:.*\n)?[^\w\n]*[^\s@]{1,64}@[^\s@]{1,255}(?<![.,;:])[^\n.;:!?\t]*\Z", re.DOTALL)
"""A line that begins with an address, and speaks of nothing else."""
_WRAPPED = re.compile(r"(?:^|\n)[^\n@:\t]*(?:[^\s@]+[ \t]+){4}[^\n@]*[^\W\d_],?[ \t]*\Z")
"""A line of prose that goes on in the next one."""
_BROKEN = re.compile(r"[^\w\n]*(?:\w+ ){0,3}\w+")
"""All of a line above a label: a few words and no sign."""
_OWN_LABEL = re.compile(r"^[^:\t]{0,200}[:\t]")


def roles(text: str) -> list[Told]:
    """The addresses of ``text``, a text of joined addresses, each with what is said of it."""
    found = mentions(text)
    low = flat(text)
    given: list[Told] = []
    start, led = 0, False
    for i, mention in enumerate(found):
        last = i + 1 == len(found)
        until = len(low) if last else found[i + 1].start
        gap = low[mention.end : until]
        behind = _behind(gap, last=last)
        context = _in_front(low, start, mention.start, led=led)
        led = _leading(context, run=_run(low, found, i)) == (Role.OLD, True)
        role, denied = _own(context, behind, gap, run=_run(low, found, i))
        if role is None and i and not _parted(low, found[i - 1], mention):
            role = given[-1].role  # "nowy login: A, B": both are called new, so neither is certain
        given.append(Told(mention, role, login=role is None and _is_login(context, behind), denied=denied))
        start = mention.end + len(behind)
    pairs.tell(text, low, given)
    return given


def _own(context: str, behind: str, gap: str, *, run: bool) -> tuple[Role | None, bool]:
    """The role of an address by the words before it and behind it, and whether they take one away from it."""
    if DENIED.search(context):
        return None, True
    if THEIRS.search(context):
        return None, False
    role, sure = _leading(context, run=run)
    if role is Role.NEW and SENT.search(context):
        return None, False
    after = _following(behind) or _pointed(gap)
    if role is None and after is None and AS_LOGIN.match(behind) and SET.search(context) and not refused(context):
        after = Role.NEW
    if after is not None and after is not role:
        role = None if sure else after
    return role, False


def _parted(low: str, left: Mention, right: Mention) -> bool:
    """Whether there is a word or a blank line between two addresses, or they are the same."""
    gap = low[left.end : right.start].replace("mailto", "")
    return (
        left.key == right.key
        or "\n\n" in gap
        or pairs.ARROW.fullmatch(gap) is not None
        or not JOINING.issuperset(words(gap))
    )


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


def _in_front(low: str, start: int, at: int, *, led: bool) -> str:
    """The text in front of an address in which its cue may stand: its sentence, or the label of its own line.

    led: the address above was told by words before it, so that those behind it lead on in a broken line.
    """
    context = low[max(start, at - _CONTEXT) : at]
    if (
        start
        and not led
        and not words(low[low.rfind("\n", 0, at) + 1 : at])
        and _HEADED.match(low[: low.rfind("\n", 0, at)][-_CONTEXT:])
    ):
        return ""  # in a list of addresses, what stands behind the one above speaks of that one
    ends = [match.end() for match in SENTENCE.finditer(context)]
    if ends and context[ends[-1] - 1] == "?" and not words(context[ends[-1] :]):
        ends.pop()  # "Jaki jest stary login? …"
    context = context[ends[-1] :] if ends else context
    head, newline, line = context.rpartition("\n")
    label = _OWN_LABEL.match(line)
    if label and line.lstrip()[:1].islower() and _WRAPPED.search(head):
        label = None
    if newline and label and not fill(label[0]):
        return line
    if newline and label:  # "E-mail:" alone says nothing; a heading above it may
        heading = head.rstrip().rpartition("\n")[2]
        if _is_broken(heading, line) or (heading.endswith(":") and NOUNS.isdisjoint(words(heading))):
            return f"{heading}\n{line}"
        return line
    paragraph = re.search(r"(?<!:)\n[ \t]*\n(?!.*\n[ \t]*\n)", context, re.DOTALL)
    return context[paragraph.end() :] if paragraph and context[paragraph.end() :].strip() else context


def _is_broken(heading: str, line: str) -> bool:
    """Whether a label goes on in the next line: "nowy adres", "e-mail:"."""
    return _BROKEN.fullmatch(heading) is not None and line.lstrip().startswith(("e-mail", "email", "mail", "login"))


def _leading(context: str, *, run: bool) -> tuple[Role | None, bool]:
    """Role told by the words in front of an address, and whether they stand directly at it."""
    found = cues(outside_brackets(context)) or cues(context)
    if not found:
        return None, False
    end, role = found[-1].end, found[-1].role
    between = context[end:]
    adjacent = leads(outside_brackets(between), role)
    if len(told(found)) == 1:
        return (role, adjacent) if adjacent or _same_clause(between, role) else (None, False)
    opposite = max(cue.end for cue in found if cue.role is not role)
    if JOINING.issuperset(words(context[opposite : found[-1].start])):  # "login stary i nowy: …"
        return None, False
    if run or not adjacent or WHICH.search(context[opposite : found[-1].start]):
        return None, False
    return role, True


def _same_clause(between: str, role: Role) -> bool:
    """Whether a cue with ``between`` behind it still speaks of the address there, though other words part them.

    Of the new one only as its label: what is given the account must be named so directly.
    """
    if role is Role.NEW:
        return labels(between)
    if NEXT.search(between) or ASIDE.search(between) or SET.search(between):  # "stary login proszę ustawić na …"
        return False
    return ":" not in between or fill(between.rpartition(":")[2])


def _pointed(gap: str) -> Role | None:
    """Role told by a clause behind an address that points back at it: "i tym adresem chcę się logować"."""
    if WISHED.match(gap):
        return Role.NEW
    return Role.OLD if WAS_USED.match(gap) else None


def _following(behind: str) -> Role | None:
    """Role told by the words behind an address: "(stary login)", "ma być nowym loginem"."""
    found = cues(behind)
    if len(told(found)) != 1:
        return None
    first = min(found, key=lambda cue: cue.start)
    return first.role if leads(_AND_I_ASK.sub("", behind[: first.start]).rstrip(" ,"), first.role) else None


def _is_login(context: str, behind: str) -> bool:
    """Whether "login" without any other word for old or new stands at the address."""
    if cues(context) or cues(behind) or CHANGE.search(context):
        return False
    front = list(LOGIN.finditer(context))
    if front and fill(context[front[-1].end() :]):
        return not ASKED.search(context[: front[-1].start()])
    back = LOGIN.search(behind)
    return back is not None and fill(behind[: back.start()])


def pick(text: str) -> tuple[set[str], set[str]]:
    """Old logins and new addresses of ``text``, as written, one spelling each; an unreadable one is "".

    More than one in a set means doubt. A bare "login" counts only where nothing is called old.
    """
    given = roles(join_broken(text))
    if len(given) == MOST:
        return {""}, {""}
    old = {one.mention.key: one.mention.address or "" for one in given if one.role is Role.OLD}
    new = {one.mention.key: one.mention.address or "" for one in given if one.role is Role.NEW}
    if not old:
        old = {m.key: m.address or "" for m in (one.mention for one in given if one.login) if m.key not in new}
    if not old and len(new) == 1:
        other = pairs.other(given, flat(join_broken(text)))
        old = {other.key: other.address or ""} if other else {}
    return set(old.values()), set(new.values())


def stray(text: str, told: Collection[str]) -> bool:
    """Whether there is an address, or something like one, besides those in ``told``."""
    text = join_broken(text)
    known = {login_key(address) for address in told}
    found = mentions(text)
    return any(m.key not in known for m in found) or text.count("@") > len(found)


def third(text: str, told: Collection[str]) -> bool:
    """Whether there is an address besides those in ``told`` that is none of the desk: somebody else's, or a second one.

    Nothing is sent there, but a writer has no need of it: his answer comes to the new one.
    """
    known = {login_key(address) for address in told}
    others = (m for m in mentions(join_broken(text)) if m.key not in known)
    return any(not (m.address and DESK.search(m.address.lower())) for m in others)


def taken_back(text: str) -> bool:
    """Whether a text says of an address, or of a login, that it is not the one, or was written wrong."""
    text = join_broken(text)
    return any(one.denied for one in roles(text)) or any(
        WRONG.search(part) and LOGIN_OR_ADDRESS.search(part) for part in SENTENCE.split(flat(text))
    )


def label_role(label: str) -> Role | None:
    """Role told by the label of a form field or of a table's column."""
    low = flat(label.replace("_", " "))
    role, _ = _leading(low, run=False)
    found = told(cues(low))
    if role is None and len(found) == 1:  # a label speaks of nothing else: "Nowy adres e-mail wnioskodawcy"
        return found.pop()
    if role is None and not found and LOGIN.search(low):
        return Role.OLD
    return role
