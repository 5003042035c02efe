"""Are digests, keys and schemes strong enough (ETSI TS 119 312), of a signature and of the certificates of its path?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cryptography import x509

from mailbot.signatures.reasons import Code
from mailbot.signatures.trust.keys import WEAK_DIGESTS, strong

_DIGESTS = frozenset({"sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"})
_SCHEMES = re.compile(r"rsa|rsa-pss|rsa-[0-9]{3,5}|ecdsa|ecdsa-[a-z0-9-]+")


def faults(algorithms: Sequence[str], below: Sequence[x509.Certificate]) -> Iterator[Code]:
    """What is too weak or not known. ``algorithms``: of ``Evidence``; ``below``: every certificate below the anchor."""
    digests = [c.signature_hash_algorithm for c in below]
    names = {name.lower() for name in algorithms}
    if names & WEAK_DIGESTS or any(d is not None and d.name in WEAK_DIGESTS for d in digests):
        yield Code.DIGEST_WEAK
    elif not names & _DIGESTS or any(n not in _DIGESTS and not _SCHEMES.fullmatch(n) for n in names):
        yield Code.ALGORITHM_UNKNOWN
    if not all(strong(c.public_key()) for c in below):
        yield Code.KEY_WEAK
