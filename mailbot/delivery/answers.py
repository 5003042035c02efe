"""What a server's answer means for the mail it was about (RFC 5321 §4.2, RFC 3463).

A mail is given up only when its recipient or its content was refused. What is refused to us as a client (no login, no
right to relay, a sender we may not use) is mended in settings, here or there, and waits; so does whatever is unclear.
"""

from __future__ import annotations

import re
from enum import StrEnum

from mailbot.tickets.bounce import NO_MAILBOX

LONGEST = 300
"""Characters of an answer that are kept."""


class SmtpStage(StrEnum):
    """Where in the conversation the answer came."""

    CONNECT = "connect"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "end of DATA"
    """From the first octet of the mail on: the server may have taken it, whatever we hear."""


class ReplyMeaning(StrEnum):
    """What to do with the mail."""

    LATER = "later"
    OURS = "ours"
    """Wait as well, and raise an alarm: somebody must mend the settings of mailbot or of the server."""
    REFUSED = "refused"
    GONE = "gone"
    """Refused, since there is no such mailbox; a full one is there."""


def readable(text: str) -> str:
    """One printable line of at most ``LONGEST`` characters, that every database and terminal takes."""
    shown = text[: 4 * LONGEST]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else " " for c in shown)
    return " ".join(shown.split())[:LONGEST]


def without_names(text: str, recipient: str) -> str:
    """What a server said, without the addresses that it quotes: it is kept in the history, which is never erased."""
    shown = _ADDRESSES.sub("<address>", text[: 4 * LONGEST])
    local = recipient.rpartition("@")[0]
    if len(local) < _LOCAL or ((shown + local).isascii() and local.lower() not in shown.lower()):
        return shown  # nearly always: an expression for each recipient would cost more than all else about the answer
    return re.sub(rf"(?<![\w.-]){re.escape(local)}(?![\w-])", "<address>", shown, flags=re.IGNORECASE)


_LOCAL = 3
"""Characters of the part before the @ that tell of somebody when they stand alone."""
_ADDRESSES = re.compile(r"""<[^<>@]*@[^<>]*>|"[^"@]*"@[^\s<>,;]+|[^\s<>()\[\]"',;:@]+@[^\s<>()\[\]"',;:]+""")
_ENHANCED = re.compile(r"(?<![\d.])5\.(\d{1,3})\.(\d{1,3})(?!\.?\d)", re.ASCII)
_PLACES = re.compile(r"<[^>]*>|\S*@\S*")
"""Addresses: their words are the citizen's, not the server's."""

_LOGIN = frozenset({530, 534, 535, 538})  # RFC 4954 §6
_OURS = re.compile(
    r"\brelay(?:ing)?\W+(?:access\W+)?(?:is\W+)?(?:denied|prohibited|disabled|forbidden|not\W+(?:permitted|allowed))"
    r"|\b(?:unable|able|permitted|allowed|authori[sz]ed|cannot|can't|refuse[sd]?|not|no|attempt)\W+(?:to\W+)?relay"
    r"|\ballowed rcpthosts\b"  # qmail
    r"|\bauthenticat(?:e|ion)\W+(?:is\W+)?(?:required|first|failed|needed|unsuccessful)|\bmust authenticate\b"
    r"|\b(?:un|not )authenticated\b|\bstarttls\b|\bencryption\W+(?:is\W+)?(?:required|needed)"
    r"|\bsend ?as\b|\bpermissions? to send\b|\bnot owned by\b|\bsender\b.{0,40}\b(?:rejected|denied|refused|verif)"
    r"|\bclient host\b|\bhelo command rejected\b|\bblocked using\b|\b(?:black|block) ?list|\bspamhaus\b"
    r"|\bip\b.{0,60}\b(?:not authorized|blocked|reputation)|\bptr\b|\breverse (?:dns|hostname)\b",
    re.IGNORECASE,
)
_GONE = re.compile(
    r"\b(?:user|recipient|mailbox|account|address|alias|person|customer)\b.{0,40}"
    r"\b(?:unknown|not (?:found|exist|known|available|listed|valid)|unavailable|disabled|inactive|invalid)\b"
    r"|\b(?:unknown|invalid|inactive|no such|no|bad|nonexistent) (?:local )?"
    r"(?:user|recipient|mailbox|address|account|person)"
    r"|\b(?:does|do)(?:n't| not) exist\b|\bunrouteable\b|\bnot our customer\b"
    r"|\b(?:host|domain)\b.{0,40}\b(?:not found|unknown)\b|\b(?:unknown|no such) domain\b",
    re.IGNORECASE,
)
_FULL = re.compile(r"\bquota\b|\b(?:mailbox|inbox|account)\b.{0,20}\bfull\b", re.IGNORECASE)
_ABOUT_RECIPIENT = frozenset({1, 2, 4, 6})  # addressing, mailbox, routing, content (RFC 3463 §3)
_SENDER = frozenset({(1, 7), (1, 8)})
_UNPROVEN = frozenset((7, n) for n in (3, 8, 9, 11, 13, 23, 25, 26, 27, 57, 60, 64))
"""X.7.x that speak of the client or the sender also behind the mail (IANA, enhanced status codes; Exchange)."""


def judge(stage: SmtpStage, code: int, text: str) -> ReplyMeaning:
    """What an answer other than yes means. Codes that are no SMTP answer are temporary."""
    words = _PLACES.sub(" ", text)
    found = _ENHANCED.search(words)
    enhanced = (int(found[1]), int(found[2])) if found else None
    if not 400 <= code < 600:
        return ReplyMeaning.LATER
    if code in _LOGIN or enhanced in _SENDER or _OURS.search(words):
        return ReplyMeaning.OURS
    if code < 500:
        return ReplyMeaning.LATER
    if enhanced == (6, 7):  # no SMTPUTF8 behind the server (RFC 6531 §3.5)
        return ReplyMeaning.REFUSED
    if stage in (SmtpStage.CONNECT, SmtpStage.MAIL):  # nothing of the mail is known there
        return ReplyMeaning.OURS
    if enhanced in NO_MAILBOX or (enhanced is None and stage is SmtpStage.RCPT and _GONE.search(words)):
        return ReplyMeaning.GONE
    refused = {
        SmtpStage.RCPT: code in (552, 556) or _GONE.search(words) or (enhanced and enhanced[0] in _ABOUT_RECIPIENT),
        SmtpStage.DATA: enhanced and enhanced[0] in (1, 2),
        SmtpStage.DOT: enhanced not in _UNPROVEN,
    }
    return ReplyMeaning.REFUSED if refused[stage] or _FULL.search(words) else ReplyMeaning.OURS
