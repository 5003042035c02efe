"""rules/signatures.yaml: which electronic signatures count."""

from __future__ import annotations

import re
from datetime import timedelta

from yaml.nodes import Node

from mailbot.ruleset import regexes, values
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.model import SignatureRules

ACCEPTABLE = ("QUALIFIED", "TRUSTED_PZ", "ADVANCED_CUSTOMS", "PERSONAL")
"""Kinds that an admin may accept. A seal of an organisation or an unknown issuer never shows which person signed."""

KEYS = ("accept", "seal", "revocation_max_age_hours", "signed_max_age_days", "crl_urls")
_ORGANIZATION = re.compile(r"[A-Z]{5}-[A-Za-z0-9]+")  # EN 319 412-1 §5.1.4
_URL = re.compile(r"https?://[a-z0-9-]+(\.[a-z0-9-]+)+(:[0-9]{1,5})?/[\x21-\x7e]*")
_MAX_PATTERN = 200


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
    seal = document.entries(entries["seal"], "seal", ("organizations", "common_name"))
    what = 'an identifier like "VATPL-5252955037"'
    organizations = _texts(document, seal.get("organizations"), "seal.organizations", _ORGANIZATION, what)
    name = _pattern(document, seal.get("common_name"), "seal.common_name")
    hours = values.number(document, entries["revocation_max_age_hours"], "revocation_max_age_hours", 1, 168)
    days = values.number(document, entries["signed_max_age_days"], "signed_max_age_days", 1, 366)
    urls = _texts(document, entries["crl_urls"], "crl_urls", _URL, 'an address like "http://crl.example.pl/ca.crl"')
    if not accept or not organizations or name is None or hours is None or days is None:
        return None
    return SignatureRules(
        frozenset(accept), frozenset(organizations), name, timedelta(hours=hours), timedelta(days=days), urls
    )


def _texts(document: YamlDocument, node: Node | None, key: str, form: re.Pattern[str], what: str) -> tuple[str, ...]:
    found: list[str] = []
    for item in document.items(node, key) if node is not None else []:
        text = document.string(item, key)
        if text is not None and not form.fullmatch(text):
            document.wrong(item, key, f'"{text}" is not {what}', "correct it")
        elif text is not None:
            found.append(text)
    if node is not None and key != "crl_urls" and not found:
        document.wrong(node, key, "names nobody", f"write {what}")
    return tuple(found)


def _pattern(document: YamlDocument, node: Node | None, key: str) -> re.Pattern[str] | None:
    text = document.string(node, key)
    if node is None or text is None:
        return None
    try:
        if len(text) > _MAX_PATTERN:
            raise re.error(f"longer than {_MAX_PATTERN} characters")
        pattern = re.compile(text)
    except re.error as error:
        document.wrong(node, key, f"is not a regular expression: {error}", "take the shipped one as a pattern")
        return None
    refusal = regexes.refusal(text)
    if refusal is not None:
        mend = "leave one repeat, as in the shipped pattern"
        document.wrong(node, key, f"may take very long to match: {refusal}", mend, "slow-pattern")
        return None
    if pattern.fullmatch("Jan Kowalski"):
        document.wrong(node, key, "fits everybody's name", "write the words of the seal")
        return None
    return pattern
