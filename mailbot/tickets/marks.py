"""What a mail tells by itself of tickets and of other mails. No database is needed to see it, and the processes that
understand mails load none."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import replace
from datetime import UTC

from mailbot.mails import thread
from mailbot.model import Identity, InboundMessage, RawMessage, Sender, Subject
from mailbot.request.reference import tickets
from mailbot.secret import Secret
from mailbot.text.fitting import MESSAGE_KEY, fit

LONGEST_LETTER = 5_000
"""Characters of a letter that are looked at."""
_STOP = re.compile(r"\bstop\b", re.IGNORECASE)
_SAYS_STOP = re.compile(r"\b(?:stop\b|zgl)", re.IGNORECASE)
_OURS = re.compile(r"<(zgl[0-9]{7,12})\.t(?:14|19)(?:\.[0-9a-f]{16})?@", re.ASCII | re.IGNORECASE)


def token(secret: Secret, number: str) -> str:
    """What stands in the Message-IDs of the ticket's mails: 16 hex digits that nobody can guess."""
    return secret.mac("thread", number.upper()).hex()[:16]


def answered_by(secret: Secret, message: InboundMessage) -> list[str]:
    """Numbers of the tickets of which the message answers a mail: its writer has seen that one."""
    return [
        number
        for identifier in (*message.in_reply_to, *reversed(message.references))
        if (found := thread.parse(identifier))
        for number, proof in (found,)
        if hmac.compare_digest(proof, token(secret, number))
    ]


def warned(secret: Secret, message: InboundMessage) -> list[str]:
    """Numbers of the tickets whose warning the message answers: its writer has read that, wherever it was passed on."""
    identifiers = [i for i in (*message.in_reply_to, *message.references) if _OURS.match(i)]
    return answered_by(secret, replace(message, in_reply_to=tuple(identifiers), references=()))


def asked_to_stop(message: InboundMessage, subject: Subject) -> tuple[str, ...]:
    """Numbers of the tickets whose change the mail may stop: it answers our warning or names the ticket in its subject.

    The warning asks for the word STOP, but whatever the holder of the old login answers leaves doubt who asks for the
    change, so any word of his stops it until a person has read it. Whether the mail is his is another matter.
    """
    if message.by_machine:  # damage does not matter: what is hard to read leaves doubt as well
        return ()
    answered = [found[1].upper() for i in (*message.in_reply_to, *message.references) if (found := _OURS.match(i))]
    return tuple(dict.fromkeys([*answered, *subject.tickets]))


def may_stop(message: InboundMessage, subject: Subject) -> bool:
    """Whether a letter says STOP or names a ticket, be it a new one: not everybody answers by "Reply"."""
    return not message.by_machine and bool(
        _SAYS_STOP.search(subject.text) or _SAYS_STOP.search(message.text[:LONGEST_LETTER])
    )


def told_to_stop(message: InboundMessage, subject: Subject, number: str) -> bool:
    """Whether the word, or the number, of ``may_stop`` is about ticket ``number``."""
    said = f"{subject.text}\n{message.text[:LONGEST_LETTER]}"
    return number in tickets(said) or _STOP.search(said) is not None


def identify(message: InboundMessage, sender: Sender, raw: RawMessage) -> Identity:
    """The identity of a message that came as ``raw``.

    How far the sender is proven is part of it: a forged copy that comes first must not make the citizen's own mail a
    duplicate.
    """
    digest = hashlib.sha256()
    words = (sender.address or "", sender.authentication.result.value, message.subject, " ".join(message.text.split()))
    for word in words:
        digest.update(word.encode("utf-8", "surrogatepass") + b"\0")
    for attachment in message.attachments:
        digest.update(hashlib.sha256(attachment.data).digest())
    if sender.address is None or message.damage:  # hardly understood: only the bytes tell such messages apart
        digest.update(raw.sha256.encode())
    key = fit(message.message_id or f"sha256:{raw.sha256}", MESSAGE_KEY)
    return Identity(key, digest.hexdigest(), _letter(message, sender))


def _letter(message: InboundMessage, sender: Sender) -> str:
    if sender.address is None or message.date is None or not message.message_id or message.damage:
        return ""
    written = message.date if message.date.tzinfo else message.date.replace(tzinfo=UTC)
    said = (sender.address, message.subject, str(written.timestamp()))
    return hashlib.sha256("\0".join(said).encode("utf-8", "surrogatepass")).hexdigest()
