"""Whether a header field below the Received line of our outermost host is about this very delivery.

Such a field is ours only while the filter that removes the sender's runs. When it is down or passes a client over, the
sender's own field stands there; often it tells of another client, another reverse-path or a signature that is not in
the mail. A sender who knows this writes a field that fits: no tie replaces ``milter_default_action = tempfail``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailbot.sender.received import Hop, addresses
from mailbot.sender.verdict import MethodResult, reverse_path

_DESIGNATES = re.compile(rb"\bdesignates\s+([0-9A-Fa-f:.]+)\s")


def fits(
    value: bytes, results: Iterable[MethodResult], edge: Hop, mail_from: str | None, signers: frozenset[str]
) -> bool:
    """Does nothing in a field (raw ``value``, read as ``results``) contradict the rest of the mail?

    ``mail_from``: reverse-path of the delivery, None when nobody told it. ``signers``: d= of the mail's signatures.
    """
    clients = {a for octets in _DESIGNATES.findall(value) for a in addresses(octets.decode("ascii"))}
    if edge.addresses and not clients <= set(edge.addresses):
        return False
    return all(_fits(result, mail_from, signers) for result in results)


def _fits(result: MethodResult, mail_from: str | None, signers: frozenset[str]) -> bool:
    if result.method == "spf" and "smtp.mailfrom" in result.properties:
        return mail_from is None or reverse_path(result) == mail_from.rpartition("@")[2].lower()
    if result.method == "dkim" and result.result == "pass":
        signer = result.properties.get("header.d") or result.properties.get("header.i", "").rpartition("@")[2]
        return any(f".{signer.lower()}".endswith(f".{domain}") for domain in signers)
    return True
