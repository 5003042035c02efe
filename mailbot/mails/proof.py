"""Proofreading of templates: what would go wrong in a citizen's mail goes wrong here, with file, line and mend."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jinja2
from jinja2 import meta, nodes

from mailbot.errors import TemplateError
from mailbot.mails.context import KNOWN, variables
from mailbot.mails.letter import PLACEHOLDER, Letter, Office
from mailbot.mails.templates import ENVIRONMENT, TITLE, Templates
from mailbot.mails.wording import LINE
from mailbot.model import REQUIRED_SUBJECT, Defect, Difference, MailKind, Phrase
from mailbot.ruleset import loader
from mailbot.ruleset.document import Mistakes, hint
from mailbot.ruleset.model import Contacts, Ruleset, Template
from mailbot.ruleset.texts import read_templates

ACTIVATION_TITLE = "PUESC: Zmiana adresu email"
"""Promised to the citizen letter by letter (seed 001, P14)."""

STOP = "STOP"
"""What the holder answers to T14 (domain.md §3.5)."""

_TICKET = "ZGL0000001"
_COMMENT = re.compile(r"\{#.*?#\}\n?", re.DOTALL)
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_MAILBOX = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"(?:https?://|www\.)[^\s”)]*[^\s”).,]")
_PHONE = re.compile(r"(?<!\w)\+?\d[\d -]{5,}\d(?!\w)")

Found = tuple[int, str, str]
"""Line, what is wrong, mend."""


def check(directory: Path) -> list[str]:
    """Every mistake of the rule set in ``directory``, templates included, one a line; empty: it can be used."""
    lines = loader.check(directory)
    templates = read_templates(directory, Mistakes())
    lines += [line for kind, template in templates.items() for line in _told(template, _static(kind, template.source))]
    return lines or _rendered(loader.load(directory))


def mistakes(ruleset: Ruleset) -> list[str]:
    """Every mistake of the templates of a rule set whose YAML is right."""
    found = [line for kind, t in ruleset.templates.items() for line in _told(t, _static(kind, t.source))]
    return found or _rendered(ruleset)


def samples(kind: MailKind, category: str) -> Iterator[Letter]:
    """Letters that between them use everything mail ``kind`` can be asked to say."""
    moment = datetime(2025, 10, 29, 13, 5, tzinfo=UTC)
    later = moment + timedelta(hours=24)
    plain = Letter(
        _TICKET, "jan.kowalski@wp.example", category, moment, later, moment, "", link_expires=later, change_from=later
    )
    if kind is MailKind.T4:
        full = replace(plain, defects=tuple(Defect), details={"czego": "nazwisko", "limit": "20"})
        every_but_one = tuple(d for d in Defect if d is not Defect.PHRASE_A_WITH_APPLICATION)
        yield full
        yield replace(full, defects=every_but_one, phrase=Phrase.A)
    elif kind is MailKind.T7:
        near = replace(plain, subject="Odp: hasło awaryjne", differences=tuple((d, "Odp:") for d in Difference))
        yield plain
        for phrase in Phrase:
            yield replace(near, phrase=phrase)
            yield replace(near, phrase=phrase, authenticated=True)
    else:
        yield plain


def _told(template: Template, found: list[Found]) -> list[str]:
    return [f"{template.path}:{line}: {what}; mend: {mend}" for line, what, mend in found]


def _static(kind: MailKind, source: str) -> list[Found]:
    """What can be seen in the source alone."""
    if kind not in KNOWN:
        return [(1, f"{kind} is not written by this version", "take the file away")]
    try:
        tree = ENVIRONMENT.parse(source)
    except jinja2.TemplateSyntaxError as error:
        return [(error.lineno, f"is not a template: {error.message}", "correct that place")]
    unknown = meta.find_undeclared_variables(tree) - set(KNOWN[kind])
    strange = {(n.lineno, n.name) for n in tree.find_all(nodes.Name) if n.name in unknown}
    found = {(line, f"{{{{ {name} }}}} is not known in {kind}", hint(name, KNOWN[kind])) for line, name in strange}
    return sorted({*found, *_layout(source)})


def _layout(source: str) -> Iterator[Found]:
    blank = _COMMENT.sub(lambda m: "\n" * m.group().count("\n"), source)
    lines = blank.split("\n")
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    if not lines[first].startswith(TITLE):
        yield first + 1, "the first line must be the title", f'begin with "{TITLE}"'
    elif any(line.strip() for line in lines[first + 1 : first + 2]):
        yield first + 2, "an empty line must follow the title", "put one there"
    for number, line in enumerate(lines, 1):
        if len(_TAG.sub("", line)) > LINE:
            yield number, f"is longer than {LINE} characters", "break the line"


def _rendered(ruleset: Ruleset) -> list[str]:
    """What can be seen in the finished mails alone."""
    contacts = ruleset.contacts
    office = Office("Help Desk", contacts.helpdesk, contacts.helpdesk, "helpdesk.example", contacts.portal)
    templates = Templates(ruleset)
    lines: dict[str, None] = {}
    for kind, template in ruleset.templates.items():
        for letter in samples(kind, next(iter(ruleset.categories))):
            try:
                values = variables(kind, letter, ruleset, office)
                subject, text = templates.render(kind, values)
            except TemplateError as error:
                found = [(_line_of(error), f"cannot be filled in: {error.reason}", "correct that place")]
            else:
                found = [
                    *_title(kind, subject),
                    *_promised(kind, text, values),
                    *_foreign(text.replace(PLACEHOLDER, ""), contacts),
                ]
            lines |= dict.fromkeys(_told(template, found))
    return list(lines)


def _title(kind: MailKind, subject: str) -> Iterator[Found]:
    if kind is MailKind.T3:
        if subject != ACTIVATION_TITLE:
            yield 1, f'the title is promised to citizens as "{ACTIVATION_TITLE}"', f'write "{TITLE}{ACTIVATION_TITLE}"'
    elif not subject.startswith(f"{_TICKET} "):
        yield 1, "the title must begin with the number", f'write "{TITLE}{{{{ zgl }}}} – …"'
    if not subject.isprintable():
        yield 1, "the title holds a control character", "delete it"


def _promised(kind: MailKind, text: str, values: Mapping[str, str]) -> Iterator[Found]:
    """What a mail must say whatever else it says."""
    lines = text.split("\n")
    said = " ".join(text.split())
    for name in _NEEDED.get(kind, ("zgl", "tel")):
        if " ".join(values[name].split()) not in said:
            yield 1, f"{{{{ {name} }}}} is missing", "put it into the text"
    if kind is MailKind.T1 and not any(re.fullmatch(rf"\D*{_TICKET}", line) for line in lines):
        yield 1, "the number must end a line of its own, to be read aloud", 'write "Numer zgłoszenia: {{ zgl }}"'
    if kind is MailKind.T3 and (lines.count(values["link"]) != 1 or text.count(values["link"]) != 1):
        yield 1, "the link must stand once, alone on its line", 'write "{{ link }}" between empty lines'
    if kind in (MailKind.T1, MailKind.T2A, MailKind.T2B) and ACTIVATION_TITLE not in text:
        yield 1, "the title of the mail with the link is missing", f'write "{ACTIVATION_TITLE}"'
    if kind is MailKind.T14 and STOP not in text:
        yield 1, f"the word {STOP} is missing, with which the holder can stop the change", f'write "{STOP}"'
    if kind in (MailKind.T4, MailKind.T7) and REQUIRED_SUBJECT not in lines:
        yield 1, "the required subject must stand alone on its line, to be copied", 'write "{{ temat }}" there'


def _foreign(text: str, contacts: Contacts) -> Iterator[Found]:
    """Addresses, links and numbers that rules/contacts.yaml does not know: a forged one would rob the reader."""
    numbers = {_digits(number) for number in contacts.phones.values()}
    allowed = (contacts.portal, f"{contacts.portal}/", f"{contacts.portal}/aktywacja/")
    strangers = [m for m in _MAILBOX.findall(text) if m != contacts.helpdesk]
    strangers += [u for u in _URL.findall(text) if u not in allowed]
    strangers += [p for p in _PHONE.findall(text) if _digits(p) not in numbers]
    for stranger in strangers:
        yield 1, f'"{stranger}" is not in rules/contacts.yaml', "use {{ tel }}, {{ adres }} or {{ portal }}"


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)


def _line_of(error: TemplateError) -> int:
    """The line of the template where rendering failed; 1 when it failed elsewhere."""
    cause = error.__cause__
    lines = [f.lineno for f in traceback.extract_tb(cause.__traceback__) if f.filename == "<template>"] if cause else []
    return lines[-1] or 1 if lines else 1


_NEEDED: Mapping[MailKind, tuple[str, ...]] = {
    MailKind.T2A: ("zgl", "tel", "portal", "link_do", "reklamacja_do"),
    MailKind.T2B: ("zgl", "tel", "portal", "link_do", "reklamacja_do"),
    MailKind.T3: ("zgl", "tel", "link_do", "adres_strony"),
    MailKind.T4: ("zgl", "tel", "adres", "lista_brakow", "zdanie"),
    MailKind.T7: ("zgl", "tel", "adres", "roznica", "zdanie"),
    MailKind.T14: ("zgl", "tel", "zmiana_od"),
    MailKind.T15: ("zgl", "tel", "termin_slownie", "termin_godz"),
}
