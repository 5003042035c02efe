"""The files beside the procedures: categories, contacts, sentences for defects and differences, mail templates."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Mapping
from pathlib import Path

from yaml.nodes import MappingNode, Node

from mailbot.model import Defect, Difference, MailKind
from mailbot.ruleset.document import YamlDocument, hint, read_text
from mailbot.ruleset.findings import Finding, Level, Mistakes
from mailbot.ruleset.model import Contacts, Sentence, Template

MAIN_PHONE = "procedura_specjalna"
"""The number of rules/contacts.yaml that our mails name."""

POLISH = "pl"

SIGNING_PAGE = "podpis_zaufany"
"""The link of rules/contacts.yaml where a citizen signs an application."""

DEFECT_FIELDS: Mapping[Defect, str] = {Defect.APP_INCOMPLETE: "czego", Defect.CONTAINER: "limit"}
DIFFERENCE_FIELDS: Mapping[Difference, str] = {
    Difference.PREFIX: "dopisek",
    Difference.EXTRA: "slowa",
    Difference.PART: "slowa",
    Difference.TYPO: "slowo",
}
"""The one {placeholder} that a sentence may hold."""

_CATEGORY = re.compile(r"[A-Z][A-Z_]{1,39}")
_ADDRESS = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_URL = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9._~/-]*[A-Za-z0-9_~-])?")
_LINK = re.compile(r"(https://[a-z0-9-]+|www)(\.[a-z0-9-]+)+(/[A-Za-z0-9._~/-]*[A-Za-z0-9_~-])?")
_PHONE = re.compile(r"\+?[0-9]+( [0-9]+)+")
_TEMPLATE = re.compile(r"(T[0-9]+[AB]?|W[0-9]+)_[a-z0-9_]+(?:\.([a-z]{2}))?\.txt\.j2")
_TEMPLATE_BYTES = 16_384
"""A mail is a page or two."""


def read_categories(document: YamlDocument) -> dict[str, str]:
    """Category → its name in the registration mail."""
    found: dict[str, str] = {}
    if document.root is None:
        return found
    entries = document.mapping(document.root, "", "category")
    if isinstance(document.root, MappingNode) and not entries:
        document.wrong(document.root, "", "holds no category", 'write "OGOLNE: …"')
    for name, node in entries.items():
        if not _CATEGORY.fullmatch(name):
            document.wrong(node, name, "is not the name of a category", 'write capital letters and "_", up to 40')
        elif (text := document.string(node, name)) is not None:
            found[name] = text
    return found


def read_contacts(document: YamlDocument) -> Contacts | None:
    """Addresses and numbers, each with the source it was taken from; None when one is wrong."""
    if document.root is None:
        return None
    entries = document.entries(document.root, "", ("helpdesk", "portal", "phones"), ("addresses", "links"))
    helpdesk = _sourced(document, entries.get("helpdesk"), "helpdesk", "address", _ADDRESS)
    portal = _sourced(document, entries.get("portal"), "portal", "url", _URL)
    phones: dict[str, str | None] = {}
    if "phones" in entries:
        listed = document.mapping(entries["phones"], "phones", "service")
        if MAIN_PHONE not in listed:
            document.wrong(entries["phones"], f"phones.{MAIN_PHONE}", "is missing", f'write "{MAIN_PHONE}:" here')
        for service, node in listed.items():
            phones[service] = _sourced(document, node, f"phones.{service}", "number", _PHONE)
    addresses = _used(document, entries.get("addresses"), "addresses", "address", _ADDRESS)
    links = _used(document, entries.get("links"), "links", "url", _LINK)
    numbers = {service: number for service, number in phones.items() if number is not None}
    bad_phones = MAIN_PHONE not in phones or len(numbers) < len(phones)
    if helpdesk is None or portal is None or bad_phones or addresses is None or links is None:
        return None
    further = tuple(addresses.values()), tuple(links.values())
    return Contacts(helpdesk, portal, numbers, *further, links.get(SIGNING_PAGE, ""))


def read_defects(document: YamlDocument) -> dict[Defect, str]:
    """Formal defect → sentence, for every defect there is."""
    return defects_of(document, document.root, "") if document.root else {}


def defects_of(document: YamlDocument, root: Node, key: str) -> dict[Defect, str]:
    """The same below ``root``, which stands at ``key``."""
    found = {}
    for name, node in document.entries(root, key, tuple(Defect), what="defect").items():
        text = document.string(node, name)
        if text is not None and _check_fields(document, node, name, text, DEFECT_FIELDS.get(Defect(name))):
            found[Defect(name)] = text
    return found


def read_differences(document: YamlDocument) -> dict[Difference, Sentence]:
    """Difference → sentences, for every difference there is."""
    return differences_of(document, document.root, "") if document.root else {}


def differences_of(document: YamlDocument, root: Node, key: str) -> dict[Difference, Sentence]:
    """The same below ``root``, which stands at ``key``."""
    found = {}
    for name, node in document.entries(root, key, tuple(Difference), what="difference").items():
        field = DIFFERENCE_FIELDS.get(Difference(name))
        parts = document.entries(node, name, ("text", "general")) if field else {"text": node, "general": node}
        text = document.string(parts.get("text"), name)
        general = document.string(parts.get("general"), name)
        if text is None or general is None:
            continue
        fits = _check_fields(document, parts["text"], name, text, field)
        if _check_fields(document, parts["general"], name, general, None) and fits:
            found[Difference(name)] = Sentence(text, general)
    return found


TemplatesByLanguage = Mapping[str, Mapping[MailKind, Template]]
"""Code of a language → its templates; holds "pl"."""


def read_templates(
    directory: Path, mistakes: Mistakes, languages: Collection[str] | None = None
) -> TemplatesByLanguage:
    """The sources in ``directory``/mails. ``languages``: those beside Polish that a template may be written in; None:
    any."""
    read: dict[str, dict[MailKind, Template]] = {POLISH: {}}

    def wrong(path: Path, what: str, mend: str) -> None:
        mistakes.add(Finding(str(path), 1, 1, what, mend, code="file"))

    for path in sorted((directory / "mails").glob("*.j2")):
        name = _TEMPLATE.fullmatch(path.name)
        code = (name.group(2) if name else None) or POLISH
        found = read.get(code, {})
        kind = name.group(1) if name else ""
        if not name:
            wrong(path, "is not named after a mail", "name it <kind>_<small letters>.txt.j2, as T1_rejestracja.txt.j2")
        elif kind not in list(MailKind):
            wrong(path, "is not named after a mail", hint(kind, MailKind))
        elif languages is not None and code not in (POLISH, *languages):
            what, mend = f'is never sent: no file tells of "{code}"', f"write rules/languages/{code}.yaml"
            mistakes.add(Finding(str(path), 1, 1, what, mend, Level.WARNING, code="file"))
        elif kind in found:
            wrong(path, f"is a second template for {kind}, beside {found[MailKind(kind)].path.name}", "keep one")
        elif (source := read_text(path, mistakes, _TEMPLATE_BYTES)) is not None:
            read.setdefault(code, {})[MailKind(kind)] = Template(path, source.replace("\r\n", "\n"))
    for code, found in read.items():
        for kind, template in found.items():
            beside = (directory / "mails").glob(f"{kind}_*.txt.j2")
            if code != POLISH and all(path.name.count(".") > 2 for path in beside):
                what = f'is {kind} in "{code}", and there is no Polish one'
                wrong(template.path, what, f"write rules/mails/{kind}_….txt.j2")
    return read


def _used(
    document: YamlDocument, node: Node | None, key: str, value: str, form: re.Pattern[str]
) -> dict[str, str] | None:
    """The values of a mapping of further contacts, without those that are switched off ("use: no"); None when one is
    wrong."""
    found = {}
    listed = document.mapping(node, key, "name") if node is not None else {}
    for name, entry in listed.items():
        text = _sourced(document, entry, f"{key}.{name}", value, form, ("use",))
        switch = document.mapping(entry, f"{key}.{name}").get("use")
        use = document.word(switch, f"{key}.{name}.use", ("yes", "no"), "yes or no") if switch else "yes"
        found[name] = (text, use)
    if any(text is None or use is None for text, use in found.values()):
        return None
    return {name: text for name, (text, use) in found.items() if text is not None and use == "yes"}


def _sourced(
    document: YamlDocument,
    node: Node | None,
    key: str,
    value: str,
    form: re.Pattern[str],
    optional: tuple[str, ...] = (),
) -> str | None:
    if node is None:
        return None
    entries = document.entries(node, key, (value, "source"), optional)
    source = document.string(entries.get("source"), f"{key}.source")
    text = document.string(entries.get(value), f"{key}.{value}")
    if text is not None and not form.fullmatch(text):
        document.wrong(entries[value], f"{key}.{value}", f'"{text}" is no {value}', _FORMS[value])
        return None
    return text if source is not None else None


_FORMS = {
    "address": "write it as name@host",
    "url": "write https://host without a slash at the end",
    "number": 'write digits in groups, as "33 483 20 55"',
}


def _check_fields(document: YamlDocument, node: Node, key: str, text: str, allowed: str | None) -> bool:
    """Whether ``text`` holds no placeholder but {allowed}, plain: str.format would also open attributes."""
    mend = f"only {{{allowed}}} can be filled in here" if allowed else "nothing can be filled in here: delete it"
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        document.wrong(node, key, "has a single brace", mend)
        return False
    for _, field, form, conversion in parts:
        if field is not None and (field != allowed or form or conversion):
            document.wrong(node, key, f"{{{field}}} is not known", mend)
            return False
    return True
