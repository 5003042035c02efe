"""Timestamps (RFC 3161): is a token whole, by one unit, over this very signature? Not: who the unit is."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime

from asn1crypto import core, tsp

from mailbot.signatures import cms, cms_value
from mailbot.signatures.report import Evidence, Format, Integrity, Scope, Stamp, Token

_TSA = "tst_info"
_BLANK = Evidence(Format.NONE, Integrity.UNREADABLE, Scope.NONE)


class _MismatchError(ValueError):
    """The token is over something else."""


def noted(found: Evidence) -> Evidence:
    """``found`` with the stamps in its tokens beside those it has, and the level and a flag for each. Never raises."""
    stamps = [*found.stamps]
    flags: list[str] = []
    for token in found.tokens:
        try:
            stamps.append(read(token))
            flags.append("timestamp" if stamps[-1].read else "timestamp_archive")
        except _MismatchError:
            flags.append("timestamp_mismatch")
        except Exception:  # asn1crypto raises what it likes on hostile bytes
            flags.append("timestamp_unreadable")
    level = "B-T" if found.level == "B-B" and any(stamp.read for stamp in stamps) else found.level
    return replace(found, stamps=tuple(stamps), level=level, flags=(*found.flags, *dict.fromkeys(flags)))


def read(token: Token) -> Stamp:
    """The stamp of a token: one signer that its attributes name, a right signature, the imprint of ``token.over``, if
    that is known.

    Raises ValueError, or what asn1crypto raises.
    """
    signed = cms.parse(token.der, _TSA)
    if signed.content is None:
        raise ValueError("no TSTInfo")
    info = tsp.TSTInfo.load(signed.content, strict=True)
    name = info["message_imprint"]["hash_algorithm"]["algorithm"].native
    if name not in cms_value.HASHES:
        raise ValueError("an imprint of unknown kind")
    imprint = hashlib.new(name, usedforsecurity=False)
    for piece in token.over or ():
        imprint.update(piece)
    if token.over is not None and imprint.digest() != info["message_imprint"]["hashed_message"].native:
        raise _MismatchError
    extensions = info["extensions"]
    if not isinstance(extensions, core.Void) and any(extension["critical"].native for extension in extensions):
        raise ValueError("a critical extension")
    (found,) = cms.verify(signed, (signed.content,), _BLANK)
    when = info["gen_time"].native
    if found.integrity is not Integrity.OK or found.certificate is None or not isinstance(when, datetime):
        raise ValueError("its signature is not right")
    if "no_signing_certificate_attribute" in found.flags:  # mandatory: RFC 3161 §2.4.2, RFC 5816
        raise ValueError("the unit is not named")
    algorithms = tuple(dict.fromkeys((*found.algorithms, name.replace("sha3_", "sha3-"))))
    return Stamp(when, found.certificate, found.certificates, algorithms, token.whole, token.over is not None)
