"""Bytes → message → sender → request: what a message says before a rule set or the registry is asked.

It needs no rules, so it may run in a process of its own that never sees their folder (``workers.understand``).
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mailbot.config import AuthenticationRoad, Settings
from mailbot.errors import ResolverUnavailable
from mailbot.model import (
    ApplicationCheck,
    ApplicationState,
    Authentication,
    AuthResult,
    Automatic,
    Defect,
    Envelope,
    Identity,
    InboundMessage,
    Phrase,
    RawMessage,
    Request,
    Sender,
    Source,
    Subject,
    SubjectClass,
    Understanding,
)
from mailbot.parsing import automatic, stand_ins
from mailbot.parsing.bounds import MESSAGE_MAX
from mailbot.parsing.mime import parse
from mailbot.request import phrase, subject
from mailbot.secret import Secret
from mailbot.sender import spam
from mailbot.sender.identify import authenticate
from mailbot.sender.resolver import DnsQuestion, RecordType, Resolver, ahead, memory
from mailbot.signatures.bounds import FILE_MAX
from mailbot.signatures.detect import looks_executable
from mailbot.text.address import login_key, normalise
from mailbot.tickets import bounce, marks

_EMPTY = Request(None, (), None, ())
_SIDE_BY_SIDE = 64  # threads
_GROUP = 65_536  # octets of messages
_STUB = re.compile(r"^Retrieval using the \w+ protocol failed for the following message", re.IGNORECASE)
_STUB_TEXT = re.compile(
    r"The (?:server|following message) could(?:n['\u2019]t| not) (?:be )?retrieved?\b", re.IGNORECASE
)
"""What Exchange gives of a message that it cannot convert (Microsoft Exchange Server 2007 to 2019)."""
_TO = re.compile(r"[>\s*]*(?:do|to|dw|udw|cc|kopia|adresat|odbiorca)\W")
_QUOTE_MARKS = re.compile(r"^(?:(?:> ?)+|-- ?$)", re.MULTILINE)
_STILL_CODED = re.compile(
    r"=(?:C[345]|E2)=[89AB][0-9A-F]|\+A[A-Z][A-Za-z0-9+/]-|&#(?:x1[0-7][0-9a-f]|[23]\d\d);|\\u01[0-7][0-9a-f]"
    r"|^(?:[A-Za-z0-9+/]{60,76}\n){2}",
    re.MULTILINE,
)
"""Quoted-printable, UTF-7, HTML, JSON, base64: letters that only a program has to see."""
_BEGINNING = 1_000_000
"""Octets of a message over the limit in which its text is looked for."""


class _Begun(NamedTuple):
    """What is known of a message but its sender."""

    message: InboundMessage
    kind: Subject
    request: Request
    stops: tuple[str, ...]
    too_large: bool


_Place = tuple[int, RawMessage, "Understanding | _Begun"]
"""A message of a batch, and what is known of it."""


@dataclass(frozen=True, slots=True)
class Understander:
    """Reads messages for one installation."""

    settings: Settings
    secret: Secret
    resolver: Resolver
    own: automatic.Own = field(init=False)

    def __post_init__(self) -> None:
        helpdesk = self.settings.helpdesk
        written = (helpdesk.address, helpdesk.sending_address, *helpdesk.own_addresses)
        own = automatic.Own(
            frozenset(a.lower() for w in written if (a := normalise(w))),
            frozenset(name.lower().strip("<>") for name in helpdesk.own_lists),
            frozenset(address.lower() for address in helpdesk.ticket_systems),
        )
        object.__setattr__(self, "own", own)

    def understand_all(self, batch: Iterable[RawMessage]) -> list[Understanding]:
        """``understand`` for each, in order, without what deciding does not look at (``_essence``).

        The senders of those about which the DNS is asked are checked side by side: a slow one holds up the others for
        no longer than ``Budget`` lets it, however many there are. To the others threads would be a burden.
        """
        known, found = _Known(self.resolver), dict[int, Understanding]()
        waiting = list[_Place]()
        for group in _together(enumerate(batch)):
            waiting += self._at_once([(place, raw, self._begun(raw)) for place, raw in group], known, found)
        if waiting:
            ahead(self.resolver, known.asked)
            waiting = self._at_once(waiting, known, found)
        if waiting:
            with ThreadPoolExecutor(min(len(waiting), _SIDE_BY_SIDE)) as threads:
                ended = threads.map(lambda one: self._essence(self._ended(*one[1:]), one[1]), waiting)
                found |= zip((place for place, _, _ in waiting), ended, strict=True)
        return [found[place] for place in sorted(found)]

    def _at_once(self, begun: Sequence[_Place], known: _Known, found: dict[int, Understanding]) -> list[_Place]:
        """Add to ``found`` those for whom ``known`` suffices; the others."""
        one, waiting = replace(self, resolver=known), list[_Place]()
        for place, raw, message in begun:
            known.lacks = False
            u = one._ended(raw, message)
            if known.lacks:  # what was found is nothing
                waiting.append((place, raw, message))
            else:
                found[place] = self._essence(u, raw)
        return waiting

    def _essence(self, u: Understanding, raw: RawMessage) -> Understanding:
        """``u`` as it goes to where it is decided: another process. Neither header fields nor quotes, and the octets of
        files only where a scanner, the check of an application, or a report about a mail of ours needs them."""
        message, files = u.message, u.message.attachments
        checked = raw.to_check and u.subject.kind is SubjectClass.EXACT
        if not (checked or u.bounced or self.settings.scanner.address):
            files = tuple(replace(file, data=b"") for file in files)
        return replace(u, message=replace(message, headers=(), full_text="", attachments=files))

    def understand(self, raw: RawMessage) -> Understanding:
        """Read a message: whatever cannot be read is damage, and damage goes to a person. Raises MemoryError alone,
        which may be another mail's doing."""
        return self._ended(raw, self._begun(raw))

    def _begun(self, raw: RawMessage) -> Understanding | _Begun:
        """What can be told without the DNS; the whole of it where nothing else is to be told."""
        too_large = len(raw.raw) > MESSAGE_MAX
        try:
            message = self._parse(raw.raw, raw.envelope)
            if too_large:
                message = self._beginning(raw) or message
            if raw.envelope.note:  # these bytes are not the whole message
                message = replace(message, damage=(*message.damage, raw.envelope.note))
            if (why := _not_delivered(raw, message)) is not None:
                return unread(raw, why)
            kind = subject.classify(message.subject, is_reply=bool(message.in_reply_to or message.references))
            exact = kind.kind is SubjectClass.EXACT
            stops = marks.asked_to_stop(message, kind)  # a doubt about who wrote it must not take the holder's word
            message = self._in_answer(message, raw.envelope)
            request = phrase.read(message.text, attachments=bool(message.attachments)) if exact else _EMPTY
            if request.phrase and not request.defects and automatic.is_marked_only(message):
                message = replace(message, automatic=None)  # no machine asks so, whatever a relay adds
            return _Begun(self._doubted(message, request), kind, request, stops, too_large)
        except MemoryError:
            raise
        except Exception as error:  # a bug of ours must cost the citizen a delay, not the mail
            return unread(raw, f"not understood: {error!r}")

    def _ended(self, raw: RawMessage, begun: Understanding | _Begun) -> Understanding:
        """The same with its sender."""
        if isinstance(begun, Understanding):
            return begun
        message, request = begun.message, begun.request
        try:
            sender = self._authenticate(raw, message, request)
            if raw.envelope.released.startswith("quarantine"):
                sender = replace(sender, authentication=_LET_OUT)
            came_back = bounce.read(self.secret, message, raw.envelope.rcpt_to)
            return Understanding(
                received_at=raw.received_at,
                message=message,
                sender=sender,
                subject=begun.kind,
                request=request,
                identity=marks.identify(message, sender, raw),
                bounced=came_back.ticket if came_back else None,
                delayed=came_back is not None and came_back.delayed,
                agrees=_agrees(raw.envelope, message, sender) and sender.authentication is not _LET_OUT,
                spam=self._is_spam(raw.envelope, message),
                stops=begun.stops,
                checked=_first_look(message, too_large=begun.too_large),
                again=raw.envelope.again,
                released=raw.envelope.released,
            )
        except MemoryError:
            raise
        except Exception as error:
            return unread(raw, f"not understood: {error!r}")

    def _parse(self, octets: bytes, envelope: Envelope) -> InboundMessage:
        own = self.own
        tags = self.settings.helpdesk.subject_tags
        return parse(octets, envelope, own.addresses, tags, own.lists, own.ticket_systems)

    def _in_answer(self, message: InboundMessage, envelope: Envelope) -> InboundMessage:
        """What comes to a return path of ours is a machine's, and so is a notice that answers a mail of ours; where
        nothing but the title says that it does, it is a doubt."""
        if message.by_machine:
            return message
        found = None
        if bounce.returned_to(self.secret, message, envelope.rcpt_to):
            found = Automatic.NULL_SENDER
        elif marks.answered_by(self.secret, message):
            found = automatic.in_answer(message, self.own)
        elif message.automatic is None and automatic.is_notice_under_our_title(message):
            found = Automatic.MAYBE
        return replace(message, automatic=found) if found else message

    def _is_spam(self, envelope: Envelope, message: InboundMessage) -> bool:
        settings = self.settings
        wanted = not envelope.wanted and settings.spam.marks
        return bool(wanted) and spam.is_marked(
            message.headers, settings.spam.marks, settings.authentication, envelope.mail_from
        )

    def _beginning(self, raw: RawMessage) -> InboundMessage | None:
        """What stands before the files of a message over the limit, when that is the sentence of case B.

        Then the citizen can be told that the file is too large (procedure §3.3). Any other message stays damage:
        nothing is granted on a part.
        """
        whole_lines = raw.raw[:_BEGINNING].rpartition(b"\n")[0]
        message = self._parse(whole_lines, raw.envelope)
        asked = phrase.read(message.text, attachments=True).phrase
        return message if message.attachments and not message.damage and asked is Phrase.B else None

    def _doubted(self, message: InboundMessage, request: Request) -> InboundMessage:
        """The message, damaged where its request lacks what may stand in a part that was not read, or in what our
        cutting took: nobody is told that his letter is empty, or lacks a sentence, as long as that may be untrue."""
        reasons: tuple[str, ...] = ()
        if request.phrase is Phrase.B and _taken_out(message, request):
            reasons = ("a machine on the way took the file out",)
        elif request.defects:
            reasons = message.unread
            if _STILL_CODED.search(message.full_text):
                reasons = (*reasons, "the text is still encoded, though nothing says so")
            if message.full_text != message.text and self._stands_below(message, request):
                reasons = (*reasons, "what is missing stands in what looks like a quote or a signature")
        return replace(message, damage=(*message.damage, *reasons)) if reasons else message

    def _stands_below(self, message: InboundMessage, request: Request) -> bool:
        """Whether a sentence, or what lacks behind it, is there with everything that was cut, quotes without marks.

        Not where a mail of ours is quoted: it tells the sentence to everybody.
        """
        quoted = (line for line in message.full_text.lower().split("\n") if not _TO.match(line))
        if any(address in line for line in quoted for address in self.own.addresses):
            return False
        text = _QUOTE_MARKS.sub("", message.full_text)
        whole = phrase.read(text, attachments=bool(message.attachments))
        if request.phrase is None:
            return whole.phrase is not None
        return not {*request.defects} <= {*whole.defects}

    def _road(self, raw: RawMessage) -> AuthenticationRoad:
        settings = self.settings
        road = {Source.SMTP: settings.smtp.authentication, Source.LMTP: settings.lmtp.authentication}
        return road.get(raw.envelope.source, "headers")

    def _authenticate(self, raw: RawMessage, message: InboundMessage, request: Request) -> Sender:
        return authenticate(
            raw,
            message,
            road=self._road(raw),
            settings=self.settings.authentication,
            resolver=self.resolver,
            strict=request.phrase is Phrase.B,  # case A: whoever replays a mail, the link goes to its sender
        )


class _Known:
    """Stands for the DNS where nobody may wait: it says what ``resolver`` knows without asking anybody."""

    def __init__(self, resolver: Resolver) -> None:
        self._memory = memory(resolver)
        self.asked: dict[DnsQuestion, None] = {}
        """What it did not know."""
        self.lacks = False
        """Whether that was so since somebody set it to False."""

    def lookup(self, name: str, kind: RecordType) -> tuple[str, ...]:
        """See Resolver."""
        if (found := self._memory(name, kind)) is None:
            self.lacks = True
            self.asked[name, kind] = None
            raise ResolverUnavailable(f"{kind} {name}: nobody was asked")
        return found


def _together(batch: Iterable[tuple[int, RawMessage]]) -> Iterator[list[tuple[int, RawMessage]]]:
    """``batch`` in groups: what is done to many small mails before the next thing is done stays in the caches of the
    processor; large ones come one by one."""
    group, octets = list[tuple[int, RawMessage]](), 0
    for one in batch:
        group.append(one)
        octets += len(one[1].raw)
        if octets > _GROUP:
            yield group
            group, octets = [], 0
    if group:
        yield group


_LET_OUT = Authentication(AuthResult.NONE, "let out of the quarantine by a person")
"""What kept it there may be put right by nobody: its sender is never taken for proven, and gets no answer."""


def _agrees(envelope: Envelope, message: InboundMessage, sender: Sender) -> bool:
    """Is the envelope sender the address of From? Where the delivery did not tell it, our last host wrote it on top
    (RFC 5321 §4.4)."""
    told = envelope.mail_from
    if told is None:
        above = itertools.takewhile(lambda h: h.name.lower() != "received", message.headers)
        written = next((h.value for h in above if h.name.lower() == "return-path"), b"")
        told = written.decode("ascii", "replace").strip(" \t\r\n<>")
    return sender.key is not None and sender.key == login_key(told)


def _not_delivered(raw: RawMessage, message: InboundMessage) -> str | None:
    """Why these octets are no mail of anybody: the server had none to give, or wrote a note in its place. None: a mail.

    Nobody is pretended to have written it, so it is no matter of security. A message that an MTA handed over is one:
    only a mailbox holds what nobody sent.
    """
    stored = raw.envelope.source is Source.IMAP
    if stored and not message.headers:
        return raw.envelope.note or "the message is empty, or has no header"
    received = not stored or message.all("received")
    no_address = not any(b"@" in value for value in message.all("from"))
    if _STUB.search(message.subject) or (no_address and not received) or _STUB_TEXT.match(message.full_text.strip()):
        return "the server could not retrieve the message and wrote a note in its place"
    return None


def _taken_out(message: InboundMessage, request: Request) -> bool:
    """Whether an antivirus or a gateway says, in place of a file or in the letter, that it took the file out."""
    if Defect.ATTACHMENT_MISSING in request.defects and stand_ins.says_so(message.full_text):
        return True
    return any(stand_ins.is_one(attachment.data) for attachment in message.attachments)


def unread(raw: RawMessage, why: str) -> Understanding:
    """A message of which nothing is known but that it came: a person has to read it.

    Two of them are never the same message, but where the very same delivery comes twice.
    """
    place = raw.envelope
    identity = f"{raw.sha256} {place.mailbox} {place.uidvalidity} {place.uid}"
    digest = hashlib.sha256(identity.encode()).hexdigest() if place.uid is not None else raw.sha256
    message = InboundMessage((), "", None, (), (), None, "", "", damage=(why,))
    sender = Sender(None, None, Authentication(AuthResult.NONE, "not understood"))
    subject_of_nothing = Subject(SubjectClass.OTHER, "")
    return Understanding(
        raw.received_at,
        message,
        sender,
        subject_of_nothing,
        _EMPTY,
        Identity(f"sha256:{digest}", digest),
        again=raw.envelope.again,
    )


def _first_look(message: InboundMessage, *, too_large: bool) -> ApplicationCheck:
    """What the names and first octets of the files tell; the rest is for ``workers.verify``."""
    if any(looks_executable(a.filename, a.data) for a in message.attachments):
        return ApplicationCheck(ApplicationState.MALWARE)
    if too_large and not message.damage:
        limit = {"limit": str(FILE_MAX // 1_000_000)}
        return ApplicationCheck(ApplicationState.CONTAINER, (Defect.CONTAINER,), limit)
    return ApplicationCheck(ApplicationState.NOT_ASKED if message.attachments else ApplicationState.NONE)
