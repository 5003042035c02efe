"""What the templates can fill in: each variable with its meaning, and which mail knows which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from mailbot.errors import TemplateError
from mailbot.mails import wording
from mailbot.mails.letter import PLACEHOLDER, Letter, Office
from mailbot.model import REQUIRED_SUBJECT, SENTENCES, Defect, MailKind, Phrase
from mailbot.ruleset.model import Ruleset
from mailbot.ruleset.texts import DIFFERENCE_FIELDS, MAIN_PHONE

_HINT = "(imię i nazwisko, rok urodzenia)"


@dataclass(frozen=True, slots=True)
class _Material:
    letter: Letter
    ruleset: Ruleset
    office: Office


@dataclass(frozen=True, slots=True)
class Variable:
    """One {{ variable }}."""

    doc: str
    fill: Callable[[_Material], str]


def variables(kind: MailKind, letter: Letter, ruleset: Ruleset, office: Office) -> dict[str, str]:
    """The values of every variable that mail ``kind`` knows. Raises TemplateError when ``letter`` lacks one."""
    material = _Material(letter, ruleset, office)
    return {name: VARIABLES[name].fill(material) for name in KNOWN[kind]}


def link(office: Office) -> str:
    """The activation link with the placeholder in the token's place."""
    return f"{office.public_url}/aktywacja/{PLACEHOLDER}"


def _expiry(material: _Material) -> datetime:
    if material.letter.link_expires is None:
        raise TemplateError(f"{material.letter.ticket}: a mail about a link was asked for without link_expires")
    return material.letter.link_expires


def _change(material: _Material) -> str:
    moment = material.letter.change_from
    if moment is None:
        raise TemplateError(f"{material.letter.ticket}: the warning was asked for without change_from")
    return f"{wording.day(moment)}, godz. {wording.hour(moment)}"


def _case(material: _Material) -> Phrase:
    """The sentence the citizen should have sent: that of case B also for an attached application."""
    letter = material.letter
    applied = letter.phrase is Phrase.B or Defect.PHRASE_A_WITH_APPLICATION in letter.defects
    return Phrase.B if applied else Phrase.A


def _defects(material: _Material) -> str:
    letter = material.letter
    sentences = [text for defect, text in material.ruleset.defects.items() if defect in letter.defects]
    try:
        filled = [text.format_map(letter.details) for text in sentences]
    except KeyError as error:
        raise TemplateError(f"{letter.ticket}: a defect sentence needs {error.args[0]}, and none was given") from error
    return "\n".join(f"{number}. {text}" for number, text in enumerate(filled, 1))


def _differences(material: _Material) -> str:
    letter = material.letter
    clauses = []
    for difference, detail in letter.differences:
        sentence = material.ruleset.differences[difference]
        shown = wording.reflected(detail) if letter.authenticated else ""
        field = DIFFERENCE_FIELDS.get(difference)
        clauses.append(sentence.text.format_map({field: shown}) if shown and field else sentence.general)
    return "; ".join(clauses)


def _own_subject(material: _Material) -> str:
    return wording.reflected(material.letter.subject) if material.letter.authenticated else ""


def _category(material: _Material) -> str:
    category = material.letter.category
    if category not in material.ruleset.categories:
        raise TemplateError(f'{material.letter.ticket}: category "{category}" is not in rules/categories.yaml')
    return material.ruleset.categories[category]


VARIABLES: Mapping[str, Variable] = {
    "zgl": Variable("number of the ticket", lambda m: m.letter.ticket),
    "tel": Variable("telephone of the procedure", lambda m: m.ruleset.contacts.phones[MAIN_PHONE]),
    "adres": Variable("address citizens write to", lambda m: m.ruleset.contacts.helpdesk),
    "portal": Variable("address of the portal", lambda m: m.ruleset.contacts.portal),
    "data_slownie": Variable('day of registration, ends with "r."', lambda m: wording.day(m.letter.opened_at)),
    "godz": Variable("hour of registration", lambda m: wording.hour(m.letter.opened_at)),
    "sprawa": Variable("what the ticket is about (rules/categories.yaml)", _category),
    "termin_slownie": Variable('day by which we answer, ends with "r."', lambda m: wording.day(m.letter.promised_at)),
    "termin_godz": Variable("hour by which we answer", lambda m: wording.hour(m.letter.promised_at)),
    "link": Variable("the activation link", lambda m: link(m.office)),
    "link_do": Variable(
        "until when the link works: day and hour",
        lambda m: f"{wording.day(_expiry(m))}, godz. {wording.hour(_expiry(m))}",
    ),
    "zmiana_od": Variable("before which day and hour the login is not changed", _change),
    "adres_strony": Variable("how the address of our page begins", lambda m: f"{m.office.public_url}/"),
    "reklamacja_do": Variable(
        'last day of a complaint, ends with "r."', lambda m: wording.day(wording.complaint_deadline(m.letter.now))
    ),
    "lista_brakow": Variable("every formal defect, numbered (rules/defects.yaml)", _defects),
    "przypadek": Variable("A or B: what the citizen should send", _case),
    "zdanie": Variable("the sentence to send, and what follows it", lambda m: f"{SENTENCES[_case(m)]}\n{_HINT}"),
    "temat": Variable("the required subject", lambda m: REQUIRED_SUBJECT),
    "temat_nadawcy": Variable("the citizen's own subject, cleaned; empty when nothing vouches for him", _own_subject),
    "roznica": Variable("how it differs (rules/differences.yaml); empty when that is not known", _differences),
}

KNOWN: Mapping[MailKind, tuple[str, ...]] = {
    MailKind.T1: ("zgl", "data_slownie", "godz", "sprawa", "termin_slownie", "termin_godz", "tel"),
    MailKind.T2A: ("zgl", "link_do", "portal", "tel", "reklamacja_do"),
    MailKind.T2B: ("zgl", "link_do", "portal", "tel", "reklamacja_do"),
    MailKind.T3: ("zgl", "link", "link_do", "adres_strony", "tel"),
    MailKind.T4: ("zgl", "lista_brakow", "adres", "temat", "zdanie", "przypadek", "tel"),
    MailKind.T5: ("zgl", "tel"),
    MailKind.T7: ("zgl", "temat", "temat_nadawcy", "roznica", "zdanie", "adres", "tel"),
    MailKind.T14: ("zgl", "tel", "zmiana_od"),
    MailKind.T19: ("zgl", "tel"),
    MailKind.T15: ("zgl", "termin_slownie", "termin_godz", "tel"),
}
"""The variables of each mail this version writes."""
