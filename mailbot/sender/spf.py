"""SPF (RFC 7208) of the reverse-path, over pyspf with our resolver."""

from __future__ import annotations

import ipaddress
import warnings
from typing import Any

from mailbot.errors import ResolverUnavailable
from mailbot.model import Envelope
from mailbot.sender.alignment import ascii_domain
from mailbot.sender.resolver import KINDS, Resolver
from mailbot.sender.verdict import MethodResult

with warnings.catch_warnings():  # pyspf 2.0.14 has invalid escapes, which warn when it was installed uncompiled
    warnings.simplefilter("ignore")
    import spf


class _Query(spf.query):  # type: ignore[misc]  # pyspf has no types
    """One check. Every look-up of pyspf goes through ``dns``: overriding it keeps the resolver out of global state."""

    def __init__(self, peer: str, mail_from: str, helo: str, resolver: Resolver) -> None:
        super().__init__(i=peer, s=mail_from, h=helo)
        self._resolver = resolver

    def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:
        """Records in pyspf's forms; counts void look-ups (RFC 7208 §4.6.4)."""
        host = str(name).rstrip(".").lower()
        labels = host.split(".")
        if qtype not in KINDS or len(host) > 253 or not all(0 < len(label) < 64 for label in labels):
            return []
        try:
            found = self._resolver.lookup(host, qtype)  # type: ignore[arg-type]  # one of KINDS
        except ResolverUnavailable as error:
            raise spf.TempError(error.reason) from error
        if not found and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("too many void look-ups")
        return [_record(qtype, text) for text in found]


def _record(kind: str, text: str) -> Any:
    if kind == "TXT":
        return (text.encode("latin-1", "replace"),)
    if kind == "MX":
        preference, _, host = text.partition(" ")
        return (int(preference) if preference.isdigit() else 0, host)
    return text


def check(envelope: Envelope, resolver: Resolver) -> MethodResult:
    """The SPF result for MAIL FROM: of the peer that gave us the mail. Never raises.

    The null reverse-path is "none": its HELO name says nothing about a person, and such mail is a bounce anyway.
    """
    mail_from, peer = envelope.mail_from or "", envelope.peer or ""
    local, _, written = mail_from.rpartition("@")
    domain = ascii_domain(written)
    properties = {"smtp.mailfrom": f"{local}@{domain}" if domain else mail_from}
    try:
        ipaddress.ip_address(peer)
    except ValueError:
        return MethodResult("spf", "none", properties)
    if not domain or not local:
        return MethodResult("spf", "none", properties)
    try:
        result, _, _ = _Query(peer, f"{local}@{domain}", envelope.helo or domain, resolver).check()
    except Exception:  # pyspf raises whatever a malformed record makes it raise
        return MethodResult("spf", "permerror", properties)
    return MethodResult("spf", str(result), properties)
