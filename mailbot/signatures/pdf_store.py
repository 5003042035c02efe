"""The document security store of a PDF (ETSI EN 319 142-1 §5.4.2): what it brings along to be judged in years."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.reader import PdfFileReader

MAX_ENTRIES = 64
"""Of each kind; a chain and those of its responders and time-stamping units have some ten."""
MAX_OCTETS = 8_000_000
"""Of all; the largest CRLs of a trusted list have two million."""


@dataclass(frozen=True, slots=True)
class SecurityStore:
    """Anybody may write one: only what a trusted CA signed in it counts."""

    certificates: tuple[bytes, ...] = ()
    """DER."""
    revocation: tuple[tuple[str, bytes], ...] = ()
    """As ``Evidence`` has it."""


def read(reader: PdfFileReader) -> SecurityStore:
    """The store of the newest revision; empty when it has none, or one that cannot be read. Never raises."""
    try:
        store = reader.root["/DSS"]
        left = _Left(MAX_OCTETS)
        crls = [*_streams(store, "/CRLs", DecodePurpose.CRL, left)]
        responses = [*_streams(store, "/OCSPs", DecodePurpose.OCSP_RESPONSE, left)]
        certificates = (*_streams(store, "/Certs", DecodePurpose.CERTIFICATE, left),)
    except Exception:  # pyHanko raises what it likes on malformed files; nobody signed this part of them
        return SecurityStore()
    named = {"crl": crls, "ocsp": responses}
    return SecurityStore(
        certificates, tuple((f"{at}.{kind}", data) for kind, found in named.items() for at, data in enumerate(found))
    )


@dataclass(slots=True)
class _Left:
    octets: int


def _streams(store: generic.DictionaryObject, key: str, purpose: DecodePurpose, left: _Left) -> Iterator[bytes]:
    """Raises ValueError for more than honest files have, and what pyHanko raises."""
    try:
        found = store[key]
    except KeyError:
        return
    if len(found) > MAX_ENTRIES:
        raise ValueError("too many")
    for entry in found:
        stream = entry.get_object()
        left.octets -= len(stream.encoded_data)
        if left.octets >= 0:
            octets = stream.read_data(purpose)
            left.octets -= len(octets)
        if left.octets < 0:
            raise ValueError("too much")
        yield octets
