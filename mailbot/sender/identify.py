"""Who wrote a mail, and does the From domain vouch for it: all checks of the sender together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mailbot.config import AuthenticationRoad, AuthenticationSettings
from mailbot.model import Authentication, AuthResult, InboundMessage, RawMessage, Sender
from mailbot.sender import chain, dkim, own, results
from mailbot.sender.header_block import inspect
from mailbot.sender.mailbox import read_from
from mailbot.sender.resolver import Resolver
from mailbot.text.address import domain as domain_of


def authenticate(
    raw: RawMessage,
    message: InboundMessage,
    *,
    road: AuthenticationRoad,
    settings: AuthenticationSettings,
    resolver: Resolver | None,
    strict: bool = True,
) -> Sender:
    """The sender of a mail. Never raises: what cannot be found out is never a pass.

    ``road``: "headers" trusts what our MX found out (``settings`` describe it), "own" checks with ``resolver``.
    ``strict``: the mail asks for what hangs on its files, so a signature must also cover how the body is to be read.
    A pass with a doubled header field, or by a weak or stale signature alone, becomes none: a person looks.
    """
    block = inspect(raw.raw, message.headers)
    author = read_from(message.headers)
    doubt = author.ambiguity or block.from_doubt
    if author.address is None or doubt:
        reason = doubt or "no address"
        return Sender(None, reason, Authentication(AuthResult.FAIL, f"From is ambiguous: {reason}"))
    domain = domain_of(author.address)
    try:
        found = _authenticate(raw, message, domain, road, settings, resolver, strict)
        if found.result is AuthResult.PASS:
            max_age = settings.max_age_days
            found = _hold_back(raw, message, domain, block.doubled, max_age, found.methods, strict) or found
    except Exception as error:  # a mail that breaks a check must still reach a person
        found = Authentication(AuthResult.NONE, f"the check itself failed: {type(error).__name__}")
    return Sender(author.address, None, found)


def _authenticate(
    raw: RawMessage,
    message: InboundMessage,
    domain: str,
    road: AuthenticationRoad,
    settings: AuthenticationSettings,
    resolver: Resolver | None,
    strict: bool,
) -> Authentication:
    if road == "headers":
        return _told(raw, message, domain, settings, resolver, strict)
    if resolver is None:
        return Authentication(AuthResult.NONE, "no resolver to check with")
    return own.check(raw.raw, message.headers, domain, raw.envelope, resolver, raw.received_at, strict=strict)


def _told(
    raw: RawMessage,
    message: InboundMessage,
    domain: str,
    settings: AuthenticationSettings,
    resolver: Resolver | None,
    strict: bool,
) -> Authentication:
    """What our MX found out; where it wrote nothing about signatures that counts, they are checked here."""
    reading = chain.read(message.headers, settings, raw.envelope.mail_from)
    found = Authentication(AuthResult.NONE, reading.why)
    if reading.reports:
        found = results.conclude(reading.reports, domain, together=reading.edge is not None)
    told = any(message.headers[i].name.lower() == "authentication-results" for i in reading.counted)
    if told or found.result is AuthResult.PASS or settings.missing == "none" or resolver is None:
        return found
    signed = own.signature_alone(raw.raw, message.headers, domain, resolver, raw.received_at, strict=strict)
    return found if signed.result is AuthResult.NONE else signed


def _hold_back(
    raw: RawMessage,
    message: InboundMessage,
    domain: str,
    doubled: tuple[str, ...],
    max_age_days: int,
    methods: frozenset[str],
    strict: bool,
) -> Authentication | None:
    """Why a pass does not count: a signature survives a field prepended, text appended and a replay years later.

    An aligned SPF pass is about this very delivery, so then only doubled fields matter.
    """
    if doubled:
        return Authentication(AuthResult.NONE, f"passed, but there are two of: {', '.join(doubled)}")
    if "spf" in methods:
        return None
    if dkim.weak(message.headers, domain, strict=strict):
        return Authentication(AuthResult.NONE, "passed, but by a DKIM signature that leaves parts of the mail open")
    limit = timedelta(days=max_age_days)
    stamps = list(dkim.signed_at(message.headers, domain))
    if message.date is None and (message.all("date") or not stamps or None in stamps):
        return Authentication(AuthResult.NONE, "passed, but nothing that can be read says when it was written")
    dates = [message.date] if message.date else []
    try:
        dates += [datetime.fromtimestamp(seconds, UTC) for seconds in stamps if seconds is not None]
        stale = any(abs(_aware(date) - raw.received_at) > limit for date in dates)
    except (ValueError, OverflowError, OSError):
        stale = True
    if stale:
        return Authentication(AuthResult.NONE, f"passed, but dated more than {max_age_days} days from its arrival")
    return None


def _aware(date: datetime) -> datetime:
    """RFC 5322 §3.3: -0000 says nothing about the zone; UTC is near enough for days."""
    return date if date.tzinfo else date.replace(tzinfo=UTC)
