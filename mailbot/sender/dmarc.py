"""What a domain asks receivers to do with mail that does not pass (DMARC, RFC 7489 §6)."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.sender.alignment import organisational_domain
from mailbot.sender.resolver import Resolver


@dataclass(frozen=True, slots=True)
class Policy:
    """``enforced``: p= (or sp=) is quarantine or reject. pct= is left out: a sample would make outcomes random."""

    enforced: bool
    strict_dkim: bool = False
    strict_spf: bool = False


def find(domain: str, resolver: Resolver) -> Policy | None:
    """The policy for the From domain ``domain`` (ASCII), its own or its organisation's (RFC 7489 §6.6.3).

    None: the domain has none. Raises ResolverUnavailable.
    """
    organisation = organisational_domain(domain)
    own = _records(domain, resolver)
    if own:
        return _policy(own, "p")
    if organisation == domain:
        return None
    inherited = _records(organisation, resolver)
    return _policy(inherited, "sp") if inherited else None


def _records(domain: str, resolver: Resolver) -> list[dict[str, str]]:
    found = (_tags(text) for text in resolver.lookup(f"_dmarc.{domain}", "TXT"))
    return [tags for tags in found if tags is not None]


def _tags(text: str) -> dict[str, str] | None:
    """The tags of a record; None when it is no DMARC record: v=DMARC1 must come first."""
    pairs = [part.partition("=") for part in text.split(";") if part.strip()]
    tags = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return tags if pairs and pairs[0][0].strip().lower() == "v" and tags["v"] == "DMARC1" else None


def _policy(records: list[dict[str, str]], key: str) -> Policy | None:
    if len(records) != 1:  # RFC 7489 §6.6.3 step 5: with several records there is no policy
        return None
    tags = records[0]
    asked = tags.get(key, tags.get("p", "none")).lower()
    return Policy(
        enforced=asked in ("quarantine", "reject"),
        strict_dkim=tags.get("adkim", "r").lower() == "s",
        strict_spf=tags.get("aspf", "r").lower() == "s",
    )
