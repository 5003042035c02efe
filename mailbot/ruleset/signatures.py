"""rules/signatures.yaml: which electronic signatures count."""

from __future__ import annotations

import re
from datetime import timedelta

from yaml.nodes import Node

from mailbot.ruleset import values
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.model import SignatureRules

ACCEPTABLE = ("QUALIFIED", "TRUSTED_PZ", "ADVANCED_CUSTOMS", "PERSONAL")
"""Kinds that an admin may accept. A seal of an organisation or an unknown issuer never shows which person signed."""

KEYS = ("accept", "seal", "revocation_max_age_hours", "signed_max_age_days", "crl_urls")
_ORGANIZATION = re.compile(r"[A-Z]{5}-[A-Za-z0-9]+")  # EN 319 412-1 §5.1.4
_URL = re.compile(r"https?://[a-z0-9-]+(\.[a-z0-9-]+)+(:[0-9]{1,5})?/[\x21-\x7e]*")
_PLAIN = r"[^][\\^$+?|{}*]*"
_NAME = re.compile(rf"{_PLAIN}(?:(?<!\.)\*{_PLAIN})?")
"""A name with at most one * for any text; what marks a regular expression is refused, as it would never be met."""


def read(document: YamlDocument) -> SignatureRules | None:
    """The rules; None when there is a mistake (noted in the document)."""
    if document.root is None:
        return None
    entries = document.entries(document.root, "", KEYS)
    if len(entries) < len(KEYS):
        return None
    accept = document.words(entries["accept"], "accept", ACCEPTABLE, "a kind that can be accepted")
    if not accept:
        document.wrong(entries["accept"], "accept", "accepts nothing", "write [QUALIFIED, TRUSTED_PZ]")
    seal = document.entries(entries["seal"], "seal", ("organizations", "common_names"))
    what = 'an identifier like "VATPL-5252955037"'
    organizations = _texts(document, seal.get("organizations"), "seal.organizations", _ORGANIZATION, what)
    name = _names(document, seal.get("common_names"), "seal.common_names")
    hours = values.number(document, entries["revocation_max_age_hours"], "revocation_max_age_hours", 1, 168)
    days = values.number(document, entries["signed_max_age_days"], "signed_max_age_days", 1, 366)
    urls = _texts(document, entries["crl_urls"], "crl_urls", _URL, 'an address like "http://crl.example.pl/ca.crl"')
    if not accept or not organizations or name is None or hours is None or days is None:
        return None
    return SignatureRules(
        frozenset(accept), frozenset(organizations), name, timedelta(hours=hours), timedelta(days=days), urls
    )


def _texts(
    document: YamlDocument, node: Node | None, key: str, form: re.Pattern[str], what: str, mend: str = "correct it"
) -> tuple[str, ...]:
    found: list[str] = []
    items = document.items(node, key) if node is not None else []
    for item in items:
        text = document.string(item, key)
        if text is not None and not form.fullmatch(text):
            document.wrong(item, key, f'"{text}" is not {what}', mend)
        elif text is not None:
            found.append(text)
    if node is not None and key != "crl_urls" and not items:
        document.wrong(node, key, "names nobody", f"write {what}")
    return tuple(found)


def _names(document: YamlDocument, node: Node | None, key: str) -> re.Pattern[str] | None:
    """One pattern for all names: whole and letter by letter but for the *, so in linear time."""
    mend = "write it out as the shipped names are, * for any text"
    names = _texts(document, node, key, _NAME, "a name with at most one *", mend)
    if node is None or not names:
        return None
    pattern = re.compile("|".join(re.escape(name).replace(r"\*", ".*") for name in names))
    if pattern.fullmatch("Jan Kowalski"):
        document.wrong(node, key, "fits everybody's name", "write the words of the seal")
        return None
    return pattern
