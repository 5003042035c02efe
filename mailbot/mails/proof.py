"""Proofreading of templates: what would go wrong in a citizen's mail goes wrong here, with file, line and mend."""

from __future__ import annotations

import re
import traceback
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import jinja2
from jinja2 import nodes

from mailbot.errors import TemplateError
from mailbot.mails import samples, strangers
from mailbot.mails.context import Office
from mailbot.mails.templates import ENVIRONMENT, TITLE, Templates, forbidden
from mailbot.mails.variables import KNOWN, link, variables
from mailbot.mails.wording import LINE
from mailbot.model import REQUIRED_SUBJECT, MailKind
from mailbot.ruleset import languages, loader
from mailbot.ruleset.document import YamlDocument, hint
from mailbot.ruleset.findings import Finding, Level, Mistakes
from mailbot.ruleset.fixed import ACTIVATION_TITLE
from mailbot.ruleset.model import Contacts, Ruleset, Template
from mailbot.ruleset.texts import read_contacts, read_templates

STOP = "STOP"
"""What the holder answers to T14 (procedure §3.5)."""

_COMMENT = re.compile(r"\{#.*?#\}\n?", re.DOTALL)
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)

Flaw = tuple[int, str, str]
"""Line, what is wrong, mend."""


def check(directory: Path) -> list[Finding]:
    """Everything found in the rule set in ``directory``, templates included; no error among it: it can be used."""
    return examine(directory)[1]


def examine(directory: Path) -> tuple[Ruleset | None, list[Finding]]:
    """The rule set, or None when there is an error in its YAML, and everything found, templates included."""
    ruleset, findings = loader.examine(directory)
    contacts = read_contacts(YamlDocument(directory / "contacts.yaml", Mistakes()))
    templates = [(kind, t) for found in read_templates(directory, Mistakes()).values() for kind, t in found.items()]
    findings += [f for kind, template in templates for f in _told(template, _static(kind, template.source, contacts))]
    if contacts is not None:
        findings += strangers.in_files(directory, contacts)
    if ruleset is None or any(finding.level is Level.ERROR for finding in findings):
        return ruleset, findings
    return ruleset, findings + _rendered(ruleset)


def mistakes(ruleset: Ruleset) -> list[Finding]:
    """Every mistake of the templates of a rule set whose YAML is right."""
    found = [
        finding
        for _, kind, template in _templates(ruleset)
        for finding in _told(template, _static(kind, template.source, ruleset.contacts))
    ]
    return found or _rendered(ruleset)


def _templates(ruleset: Ruleset) -> Iterator[tuple[str, MailKind, Template]]:
    for language, templates in (("pl", ruleset.templates), *ruleset.translations.items()):
        for kind, template in templates.items():
            yield language, kind, template


def _told(template: Template, found: list[Flaw]) -> list[Finding]:
    return [Finding(str(template.path), line, 0, what, mend, code="template") for line, what, mend in found]


def _static(kind: MailKind, source: str, contacts: Contacts | None) -> list[Flaw]:
    """What can be seen in the source alone."""
    try:
        tree = ENVIRONMENT.parse(source)
    except jinja2.TemplateSyntaxError as error:
        what = str(error.message)
        mend = 'write "{% endif %}" where its text ends' if what.endswith("closed is 'if'.") else _ALLOWED
        return [(error.lineno, f"is not a template: {what}", mend)]
    except RecursionError:
        return [(1, "is nested too deep", "take brackets and conditions out")]
    found = {(line, f"{what} is not allowed in a mail", _ALLOWED) for line, what in forbidden(tree)}
    if not found:  # else a loop would have variables of its own
        strange = {(n.lineno, n.name) for n in tree.find_all(nodes.Name) if n.name not in KNOWN[kind]}
        found = {(line, f"{{{{ {name} }}}} is not known in {kind}", hint(name, KNOWN[kind])) for line, name in strange}
    return sorted({*found, *_layout(source), *_written(source, contacts)})


def _written(source: str, contacts: Contacts | None) -> Iterator[Flaw]:
    """Strangers in the text of a template itself."""
    lines = [_TAG.sub(" ", line) for line in _source_lines(source)]
    if contacts is None or not strangers.find("\n".join(lines), contacts):
        return
    for number, line in enumerate(lines, 1):
        for stranger in strangers.find(line, contacts):
            yield number, strangers.told(stranger), _USE_VARIABLES


def _source_lines(source: str) -> list[str]:
    """The lines of a template, its comments emptied."""
    return _COMMENT.sub(lambda m: "\n" * m.group().count("\n"), source).split("\n")


def _layout(source: str) -> Iterator[Flaw]:
    lines = _source_lines(source)
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    if not lines[first].startswith(TITLE):
        yield first + 1, "the first line must be the title", f'begin with "{TITLE}"'
    elif any(line.strip() for line in lines[first + 1 : first + 2]):
        yield first + 2, "an empty line must follow the title", "put one there"
    for number, line in enumerate(lines, 1):
        if len(_TAG.sub("", line)) > LINE:
            yield number, f"is longer than {LINE} characters", "break the line"
        for character in sorted({c for c in line if unicodedata.category(c)[0] == "C"} - {"\t"}):
            # It may turn the text round, or part a stranger's address so that no check finds it.
            yield number, f"holds the invisible character U+{ord(character):04X}", "delete it"


def _rendered(ruleset: Ruleset) -> list[Finding]:
    """What can be seen in the finished mails alone."""
    contacts = ruleset.contacts
    alone = Office("Help Desk", contacts.helpdesk, contacts.helpdesk, "helpdesk.example", contacts.portal, _FORM)
    connected = replace(alone, csd=True)
    templates = Templates(ruleset)
    findings: dict[Finding, None] = {}
    for language, kind, template in _templates(ruleset):
        offices = (alone, connected) if "csd" in KNOWN[kind] else (alone,)
        for letter, office in product(samples.contexts(kind, ruleset, language), offices):
            try:
                values = variables(kind, letter, languages.of(ruleset, language), ruleset, office)
                subject, text = templates.render(kind, language, values)
            except TemplateError as error:
                found = [(_line_of(error), f"cannot be filled in: {error.reason}", "correct that place")]
            else:
                shown = f"{subject}\n{text}".replace(link(office), "")
                found = [*_title(kind, subject), *_promised(kind, text, values)]
                found += [(1, strangers.told(s), _USE_VARIABLES) for s in strangers.find(shown, contacts)]
            findings |= dict.fromkeys(_told(template, found))
    return list(findings)


def _title(kind: MailKind, subject: str) -> Iterator[Flaw]:
    if kind is MailKind.T3:
        if subject != ACTIVATION_TITLE:
            yield 1, f'the title is promised to citizens as "{ACTIVATION_TITLE}"', f'write "{TITLE}{ACTIVATION_TITLE}"'
    elif not subject.startswith(f"{samples.TICKET} "):
        yield 1, "the title must begin with the number", f'write "{TITLE}{{{{ zgl }}}} – …"'
    if not subject.isprintable():
        yield 1, "the title holds a control character", "delete it"


def _promised(kind: MailKind, text: str, values: Mapping[str, str]) -> Iterator[Flaw]:
    """What a mail must say whatever else it says."""
    lines = text.split("\n")
    said = " ".join(text.split())
    for name in _NEEDED.get(kind, ("zgl", "tel")):
        if " ".join(values[name].split()) not in said:
            yield 1, f"{{{{ {name} }}}} is missing below the title", "put it into the text"
    if kind is MailKind.T1 and not any(re.fullmatch(rf"\D*{samples.TICKET}", line) for line in lines):
        yield 1, "the number must end a line of its own, to be read aloud", 'write "Numer zgłoszenia: {{ zgl }}"'
    if kind is MailKind.T3 and (lines.count(values["link"]) != 1 or text.count(values["link"]) != 1):
        yield 1, "the link must stand once, alone on its line", 'write "{{ link }}" between empty lines'
    procedure = kind in (MailKind.T2A, MailKind.T2B) or (kind is MailKind.T1 and values["procedura"])
    if procedure and ACTIVATION_TITLE not in text:
        yield 1, "the title of the mail with the link is missing", f'write "{ACTIVATION_TITLE}"'
    if kind is MailKind.T14 and STOP not in text:
        yield 1, f"the word {STOP} is missing, with which the holder can stop the change", f'write "{STOP}"'
    if kind in _SHOW_SUBJECT and REQUIRED_SUBJECT not in lines:
        yield 1, "the required subject must stand alone on its line, to be copied", 'write "{{ temat }}" there'


def _line_of(error: TemplateError) -> int:
    """The line of the template where rendering failed; 1 when it failed elsewhere."""
    cause = error.__cause__
    lines = [f.lineno for f in traceback.extract_tb(cause.__traceback__) if f.filename == "<template>"] if cause else []
    return lines[-1] or 1 if lines else 1


_FORM = ("wniosek.pdf", b"%PDF-")
_ALLOWED = "write text, {{ variable }}, {% if variable %} and the filter indent(3) only"
_USE_VARIABLES = "use {{ tel }}, {{ adres }} or {{ portal }}"
_SHOW_SUBJECT = (MailKind.T4, MailKind.T7, MailKind.T16)
_NEEDED: Mapping[MailKind, tuple[str, ...]] = {
    MailKind.T1: ("zgl", "tel", "termin_slownie", "termin_godz", "przerwa"),
    MailKind.T2A: ("zgl", "tel", "portal", "link_do", "reklamacja_do"),
    MailKind.T2B: ("zgl", "tel", "portal", "link_do", "reklamacja_do"),
    MailKind.T3: ("zgl", "tel", "link_do", "adres_strony"),
    MailKind.T4: ("zgl", "tel", "adres", "lista_brakow", "zdanie"),
    MailKind.T6: ("zgl", "tel", "adres", "odpowiedz_do"),
    MailKind.T7: ("zgl", "tel", "adres", "roznica", "zdanie"),
    MailKind.T8: ("zgl", "tel", "specjalista_do", "przerwa"),
    MailKind.T9: ("zgl", "tel", "specjalista_do"),
    MailKind.T10: ("zgl", "tel", "koniec_reklamacji"),
    MailKind.T11: ("zgl", "tel", "portal", "przerwa"),
    MailKind.T12: ("zgl", "tel", "lista_okien"),
    MailKind.T13: ("zgl", "tel", "pytanie", "odpowiedz", "wlasciciel", "zrodlo", "stan_na"),
    MailKind.T14: ("zgl", "tel", "zmiana_od"),
    MailKind.T15: ("zgl", "tel", "termin_slownie", "termin_godz"),
    MailKind.T16: ("zgl", "tel", "portal", "adres", "zdanie"),
    MailKind.T20: ("zgl", "tel", "portal"),
    MailKind.T21: ("zgl", "tel", "tresc"),
    MailKind.T22: ("zgl", "tel", "tresc", "odpowiedz_do"),
    MailKind.T23: ("zgl", "tel", "tresc", "portal"),
}
"""What a mail must say; without an entry number and telephone."""
