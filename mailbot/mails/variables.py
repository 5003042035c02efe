"""What the templates can fill in: each variable with its meaning, and which mail knows which."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailbot.clocks import complaint_deadline
from mailbot.errors import TemplateError
from mailbot.mails import breaks, wording
from mailbot.mails.context import PLACEHOLDER, MailContext, Office
from mailbot.model import REQUIRED_SUBJECT, SENTENCES, Defect, MailKind, Phrase
from mailbot.model.categories import CASES, EXPLANATION, in_procedure
from mailbot.ruleset.model import Language, Ruleset, Service
from mailbot.ruleset.texts import DIFFERENCE_FIELDS

SET_OFF = (
    *("zgl", "termin_slownie", "specjalista_do", "odpowiedz_do", "reklamacja_do", "koniec_reklamacji", "link_do"),
    "zmiana_od",
)
"""What a citizen looks for first: the number and the deadlines."""

_NINE = 9


@dataclass(frozen=True, slots=True)
class _Material:
    kind: MailKind
    context: MailContext
    ruleset: Ruleset
    office: Office
    language: Language

    @property
    def service(self) -> Service:
        return self.ruleset.service_of(self.context.category)


@dataclass(frozen=True, slots=True)
class Variable:
    """One {{ variable }}."""

    doc: str
    fill: Callable[[_Material], str]
    own: bool = False
    """What a citizen wrote, or a person wrote to him."""


def variables(
    kind: MailKind, context: MailContext, language: Language, ruleset: Ruleset, office: Office
) -> dict[str, str]:
    """The values of every variable that mail ``kind`` knows, in ``language``. Raises TemplateError when ``context``
    lacks one."""
    material = _Material(kind, context, ruleset, office, language)
    return {name: VARIABLES[name].fill(material) for name in KNOWN[kind]}


def link(office: Office) -> str:
    """The activation link with the placeholder in the token's place."""
    return f"{office.public_url}/aktywacja/{PLACEHOLDER}"


def targets(values: Mapping[str, str]) -> dict[str, str]:
    """Telephone and portal of a mail → where they lead (RFC 3966; a Polish number has nine digits)."""
    found = {values["portal"]: values["portal"]} if "portal" in values else {}
    if "tel" in values:
        digits = re.sub(r"\D", "", values["tel"])
        found[values["tel"]] = f"tel:+48{digits}" if len(digits) == _NINE else f"tel:+{digits}"
    return found


def _required(material: _Material, field: str) -> Any:
    """What only some letters hold."""
    value = getattr(material.context, field)
    if value is None:
        raise TemplateError(f"{material.context.ticket}: {material.kind} was asked for without {field}")
    return value


def _day(field: str) -> Callable[[_Material], str]:
    return lambda m: wording.day(_required(m, field), m.language)


def _moment(field: str) -> Callable[[_Material], str]:
    return lambda m: wording.moment(_required(m, field), m.language)


def _promise(form: Callable[[datetime, Language], str]) -> Callable[[_Material], str]:
    """By when we answer; empty when that has passed: a promise is not made twice.

    What an office answers in a channel of its own may need a specialist."""

    def told(material: _Material) -> str:
        context = material.context
        last = context.specialist_by if material.kind.own else None
        at = last or context.promised_at
        return form(at, material.language) if at > context.now else ""

    return told


def needs_form(kind: MailKind, context: MailContext) -> bool:
    """Whether the mail tells to send an application, so that the empty one goes with it."""
    return kind is MailKind.T4 and _case_of(context) is Phrase.B


def _form(material: _Material) -> str:
    return "tak" if material.office.form and needs_form(material.kind, material.context) else ""


def _procedure(material: _Material) -> str:
    return "tak" if in_procedure(material.context.category) else ""


def _explanation(material: _Material) -> str:
    return "tak" if material.context.category == EXPLANATION else ""


def _breaks(material: _Material) -> str:
    return breaks.sentences(material.context, material.language)


def _opening(material: _Material) -> str:
    calendar = material.ruleset.calendar
    return wording.opening(calendar.opens, calendar.closes, material.language)


def _published(material: _Material) -> str:
    return wording.date_in_words(_required(material, "system").published, material.language)


def _complaint_days(material: _Material) -> str:
    return wording.days(material.ruleset.calendar.complaint_days, material.language)


def _complaint(material: _Material) -> str:
    last = complaint_deadline(material.context.now, material.ruleset.calendar)
    return wording.day(last, material.language)


def _case(material: _Material) -> Phrase:
    return _case_of(material.context)


def _case_of(context: MailContext) -> Phrase:
    """The sentence the citizen should have sent: that of case B also for an attached application."""
    applied = Phrase.B in (context.phrase, CASES.get(context.category))
    applied |= Defect.PHRASE_A_WITH_APPLICATION in context.defects
    return Phrase.B if applied else Phrase.A


def _sentence(material: _Material) -> str:
    return f"{SENTENCES[_case(material)]}\n{material.language.forms['person']}"


def _windows(material: _Material) -> str:
    return breaks.windows(material.context, material.language)


def _defects(material: _Material) -> str:
    context = material.context
    sentences = [material.language.defects[d] for d in material.ruleset.defects if d in context.defects]
    details = {name: _data(text, material.language) for name, text in context.details.items()}
    try:
        filled = [text.format_map(details) for text in sentences]
    except KeyError as error:
        raise TemplateError(f"{context.ticket}: a defect sentence needs {error.args[0]}, and none was given") from error
    return "\n".join(f"{number}. {text}" for number, text in enumerate(filled, 1))


def _data(listed: str, language: Language) -> str:
    """Names of data, parted by commas."""
    return ", ".join(language.data.get(name, name) for name in listed.split(", "))


def _differences(material: _Material) -> str:
    context = material.context
    clauses = []
    for difference, detail in context.differences:
        sentence = material.language.differences[difference]
        shown = wording.reflected(detail) if context.authenticated else ""
        field = DIFFERENCE_FIELDS.get(difference)
        clauses.append(sentence.text.format_map({field: shown}) if shown and field else sentence.general)
    return "; ".join(clauses)


def _own_subject(material: _Material) -> str:
    return wording.reflected(material.context.subject) if material.context.authenticated else ""


def _category(material: _Material) -> str:
    category = material.context.category
    if category not in material.ruleset.categories:
        raise TemplateError(f'{material.context.ticket}: category "{category}" is not in rules/categories.yaml')
    return material.language.categories.get(category, material.ruleset.categories[category])


VARIABLES: Mapping[str, Variable] = {
    "zgl": Variable("number of the ticket", lambda m: m.context.ticket),
    "tel": Variable("telephone of the ticket's service", lambda m: m.ruleset.contacts.phones[m.service.phone]),
    "adres": Variable("address citizens write to (setting helpdesk.address)", lambda m: m.office.helpdesk),
    "portal": Variable("address of the portal", lambda m: m.ruleset.contacts.portal),
    "data_slownie": Variable('day of registration, ends with "r."', _day("opened_at")),
    "godz": Variable("hour of registration", lambda m: wording.hour(m.context.opened_at)),
    "csd": Variable(
        "not empty when the ticket stands in CSD as well (setting csd.url)", lambda m: "tak" if m.office.csd else ""
    ),
    "sprawa": Variable("what the ticket is about (rules/categories.yaml)", _category),
    "procedura": Variable('"tak" in the special procedure, else empty', _procedure),
    "wyjasnienie": Variable('"tak" for a question about our answer, empty for a complaint', _explanation),
    "przerwa": Variable("a sentence for each break that goes on now; empty when there is none", _breaks),
    "termin_slownie": Variable(
        'day by which we answer, ends with "r."; empty when it has passed',
        _promise(wording.day),
    ),
    "termin_godz": Variable("hour by which we answer; empty as the day is", _promise(lambda at, _: wording.hour(at))),
    "czas_standardowy": Variable(
        'how long simple matters take, as it follows "w ciągu": "4 godzin" (rules/services.yaml)',
        lambda m: wording.hours(m.service.standard_hours, m.language),
    ),
    "specjalista_do": Variable('last day of an answer by a specialist, ends with "r."', _day("specialist_by")),
    "godziny_pracy": Variable('when specialists work: "od 7:30 do 15:30" (rules/calendar.yaml)', _opening),
    "odpowiedz_do": Variable('last day for the citizen\'s answer, ends with "r."', _day("reply_by")),
    "odpowiedz_z": Variable('day of our answer, ends with "r."', _day("answered_at")),
    "dni_reklamacji": Variable('how long a complaint may be made: "3 dni" (rules/calendar.yaml)', _complaint_days),
    "koniec_reklamacji": Variable(
        'last day of the complaint that came too late, ends with "r."', _day("complaint_until")
    ),
    "reklamacja_do": Variable('last day of a complaint about this mail, ends with "r."', _complaint),
    "link": Variable("the activation link", lambda m: link(m.office)),
    "link_do": Variable("until when the link works: day and hour", _moment("link_expires")),
    "zmiana_od": Variable("before which day and hour the login is not changed", _moment("change_from")),
    "adres_strony": Variable("how the address of our page begins", lambda m: f"{m.office.public_url}/"),
    "lista_brakow": Variable("every formal defect, numbered (rules/defects.yaml)", _defects),
    "przypadek": Variable("A or B: what the citizen should send", _case),
    "formularz": Variable("not empty when the empty application is attached", _form),
    "zdanie": Variable("the sentence to send, and what follows it", _sentence),
    "strona_podpisu": Variable(
        "page of podpis zaufany; empty when contacts.yaml has none (links: podpis_zaufany)",
        lambda m: m.ruleset.contacts.signing_page,
    ),
    "temat": Variable("the required subject", lambda m: REQUIRED_SUBJECT),
    "temat_nadawcy": Variable(
        "the citizen's own subject, cleaned; empty when nothing vouches for him", _own_subject, own=True
    ),
    "roznica": Variable(
        "how it differs (rules/differences.yaml); empty when that is not known", _differences, own=True
    ),
    "system_przerwy": Variable("system that has a break (rules/notices.yaml)", lambda m: breaks.system(m.context)),
    "dzien_przerwy": Variable('day of the break, ends with "r."', lambda m: breaks.day(m.context, m.language)),
    "lista_okien": Variable("when the system is out of order, one line each", _windows),
    "pytanie": Variable("the question that is answered (rules/faq.yaml)", lambda m: _required(m, "answer").question),
    "odpowiedz": Variable("its answer", lambda m: "\n".join(_required(m, "answer").answer)),
    "system": Variable("the system the question is about", lambda m: _required(m, "system").title),
    "wlasciciel": Variable("whose system it is", lambda m: _required(m, "system").owner),
    "zrodlo": Variable("where the answer was taken from", lambda m: _required(m, "system").source),
    "stan_na": Variable('day of the answer, ends with "r."', _published),
    "tresc": Variable("what a person of the office wrote", lambda m: m.context.text, own=True),
    "zalaczniki": Variable("not empty when files go with it", lambda m: "tak" if m.context.files else ""),
}

_OWN = ("zgl", "tel", "adres", "portal", "data_slownie", "godz", "sprawa", "csd", "termin_slownie", "przerwa")

KNOWN: Mapping[MailKind, tuple[str, ...]] = {
    MailKind.T1: (
        "zgl",
        "data_slownie",
        "godz",
        "sprawa",
        "csd",
        "procedura",
        "przerwa",
        "termin_slownie",
        "termin_godz",
        "godziny_pracy",
        "tel",
    ),
    MailKind.T2A: ("zgl", "link_do", "portal", "tel", "reklamacja_do"),
    MailKind.T2B: ("zgl", "link_do", "portal", "tel", "reklamacja_do"),
    MailKind.T3: ("zgl", "link", "link_do", "adres_strony", "przypadek", "tel"),
    MailKind.T4: (
        "zgl",
        "lista_brakow",
        "adres",
        "temat",
        "zdanie",
        "przypadek",
        "formularz",
        "strona_podpisu",
        "tel",
    ),
    MailKind.T5: ("zgl", "tel"),
    MailKind.T6: ("zgl", "odpowiedz_do", "adres", "portal", "tel"),
    MailKind.T7: ("zgl", "temat", "temat_nadawcy", "roznica", "zdanie", "adres", "przypadek", "tel"),
    MailKind.T8: (
        "zgl",
        "data_slownie",
        "godz",
        "temat_nadawcy",
        "csd",
        "przerwa",
        "czas_standardowy",
        "specjalista_do",
        "godziny_pracy",
        "tel",
    ),
    MailKind.T9: ("zgl", "wyjasnienie", "specjalista_do", "portal", "tel"),
    MailKind.T10: ("zgl", "dni_reklamacji", "odpowiedz_z", "koniec_reklamacji", "adres", "tel"),
    MailKind.T11: ("zgl", "portal", "przerwa", "tel"),
    MailKind.T12: ("zgl", "system_przerwy", "dzien_przerwy", "lista_okien", "tel"),
    MailKind.T13: ("zgl", "pytanie", "odpowiedz", "system", "wlasciciel", "zrodlo", "stan_na", "tel"),
    MailKind.T14: ("zgl", "tel", "zmiana_od"),
    MailKind.T15: ("zgl", "procedura", "termin_slownie", "termin_godz", "tel"),
    MailKind.T16: ("zgl", "portal", "adres", "temat", "zdanie", "tel"),
    MailKind.T17: ("zgl", "tel"),
    MailKind.T18: ("zgl", "tel"),
    MailKind.T19: ("zgl", "tel"),
    MailKind.T20: ("zgl", "portal", "tel"),
    MailKind.T21: ("zgl", "tresc", "zalaczniki", "tel"),
    MailKind.T22: ("zgl", "tresc", "zalaczniki", "odpowiedz_do", "tel"),
    MailKind.T23: ("zgl", "tresc", "zalaczniki", "portal", "tel"),
    **{kind: _OWN for kind in MailKind if kind.own},
}
"""The variables of each mail."""
