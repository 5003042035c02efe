"""A rule set as values: frozen, complete, checked. ``loader.load`` makes it from the admins' folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from mailbot.model import Defect, Desk, Difference, MailKind, Outcome, State
from mailbot.ruleset.sayings import Book, Saying, Words

DEFAULT_SERVICE = "ogolne"
"""The service of everything that no other service claims."""

PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of rules/procedures.yaml."""

    name: str
    row: int | None
    """Row of the decision table (procedure §3.2); None: not in the table."""
    title: str
    when: Mapping[str, tuple[str, ...]]
    """Fact → accepted words, any of them; all facts named must hold."""
    outcome: Outcome
    category: str | None
    """None: the category of the request itself."""
    state: State | None
    """None: the ticket keeps its state (only where the mail joins a ticket that is there)."""
    desk: Desk
    mails: tuple[MailKind, ...]
    shadow: bool = False
    """Only watched: the rule is tried and counted, and never decides."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """How one difference of a subject is told to the citizen."""

    text: str
    """May hold one {placeholder} for words of the citizen's subject."""
    general: str
    """The same without these words, for a sender whose address is not proven (procedure §3.5, backscatter)."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """rules/contacts.yaml: the only telephones, addresses and links our mails may name."""

    helpdesk: str
    portal: str
    """https URL without a slash at the end."""
    phones: Mapping[str, str]
    """Name → number as it is printed."""
    addresses: tuple[str, ...] = ()
    """Further mail addresses that our mails may name."""
    links: tuple[str, ...] = ()
    """Further https links that our mails may name."""
    signing_page: str = ""
    """The one of them where an application is signed; empty when it is not named."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One entry of rules/topics.yaml: what a mail outside the special procedure may be about. A word of ``topic``."""

    name: str
    title: str
    category: str | None
    """Of a ticket whose rule names none."""
    said: tuple[Saying, ...]
    """One of them must stand in subject or text…"""
    context: tuple[Saying, ...]
    """…and one of these as well, when there are any…"""
    unless: tuple[Saying, ...]
    """…and none of these."""
    nothing_but: Words | None
    """Not None: besides, the text may hold these words only, and a name at its end."""
    yields_to: tuple[str, ...]
    """Topics that are meant when this one is said as well."""


@dataclass(frozen=True, slots=True)
class FaqEntry:
    """One question of rules/faq.yaml that a machine may answer."""

    name: str
    question: str
    answer: tuple[str, ...]
    """Lines, in Polish."""
    said: tuple[Saying, ...]


@dataclass(frozen=True, slots=True)
class Faq:
    """The questions about one system."""

    name: str
    title: str
    """What the system is called."""
    owner: str
    """Whose system it is, told with every answer."""
    source: str
    """Where the answers were taken from."""
    published: date
    category: str
    about: tuple[Saying, ...]
    """One of them says that a mail is about this system; without it only a question in its whole words counts."""
    unless: tuple[Saying, ...]
    """One of them says that something does not work, which no answer of the list mends."""
    entries: tuple[FaqEntry, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of rules/services.yaml: how tickets of some categories are called, clocked and answered."""

    name: str
    titles: tuple[str, ...]
    """What the catalogue calls it, as citizens write it in the subject; Polish first, then English if there is one."""
    categories: tuple[str, ...]
    """The first is that of a mail that names the service. No category belongs to two services."""
    kind: str
    """zgloszenie or wniosek: the clocks of a wniosek stand still during a break (seed 001, E12)."""
    phone: str
    """Key of ``Contacts.phones``."""
    standard_hours: int
    """Clock hours for what needs no specialist."""
    specialist_days: int
    """Working days for what does."""
    csd_service: str
    """Service of the ticket in the CSD portal; "" where the catalogue has none."""
    csd_classification: str
    """The road below it, parts joined by " – "."""
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """rules/calendar.yaml: when specialists work, and the clocks that are the same for every service."""

    opens: time
    closes: time
    """Wall time in Warsaw, Monday to Friday but for days off."""
    extra_days_off: frozenset[date]
    """Beside the Polish public holidays."""
    complaint_days: int
    complaint_moves: bool
    """A last day off moves to the next day that is none (KPA art. 57 § 4)."""
    reply_days: int
    """Calendar days that a citizen has to answer a question of ours (T6)."""
    warn_hours: int
    """An alarm is raised so long before a promise would be broken, and again when it is."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``mails`` within ``hours``."""

    mails: int
    hours: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """At most so many mails within an hour, within 24, within 168: the longer it goes on, the fewer."""

    hour: int
    day: int
    week: int

    def room(self, hour: int, day: int, week: int) -> int:
        """How many more there may be after so many."""
        return max(0, min(self.hour - hour, self.day - day, self.week - week))


@dataclass(frozen=True, slots=True)
class Ladders:
    """What leaves by itself, whatever any rule says."""

    address: Ladder = Ladder(12, 20, 40)
    """To one address."""
    domain: Ladder = Ladder(60, 150, 500)
    """To all addresses of a domain that is no provider's."""


@dataclass(frozen=True, slots=True)
class Limits:
    """rules/limits.yaml: how much of one sender, domain or account is decided by a machine (row 4)."""

    per_sender: Limit
    per_domain: Limit
    exempt_domains: frozenset[str]
    """Mail providers that anybody may use: their users have nothing to do with each other."""
    failures: Limit
    """Generic refusals of one sender, or about one login."""
    answers: Limit
    """Mails of one sender that were answered: ends a loop that nothing else ended."""
    unvouched: Limit = Limit(20, 24)
    """Answers of the whole installation to senders for whom nothing vouches."""
    ladders: Ladders = Ladders()


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open: from ``start`` on, until before ``end``; both aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """One KOMUNIKAT of rules/notices.yaml."""

    name: str
    state: str
    """draft, published or withdrawn: only a published one counts."""
    published: date
    system: str
    title: str
    windows: tuple[Window, ...]
    source: str


@dataclass(frozen=True, slots=True)
class SignatureRules:
    """rules/signatures.yaml: which signatures under an application count."""

    accept: frozenset[str]
    """Kinds (words of ``signatures.report.Kind``)."""
    seal_organizations: frozenset[str]
    """organizationIdentifier of the minister who seals podpis zaufany, e.g. "VATPL-5252955037"."""
    seal_name: re.Pattern[str]
    """The whole commonName of the seal."""
    revocation_max_age: timedelta
    signed_max_age: timedelta
    crl_urls: tuple[str, ...]
    """Where ``mailbot trust update`` takes CRLs besides the addresses of the trusted list."""


@dataclass(frozen=True, slots=True)
class Matter:
    """An entry of rules/applications.yaml: something that a letter says when one of its sayings stands there."""

    name: str
    title: str
    """What it is, for the people who decide."""
    said: tuple[Saying, ...]
    unless: tuple[Saying, ...]
    begins: tuple[Saying, ...]
    """As ``said``, where a line or a sentence begins."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A kind of clauses that an application may have: verbs, what they are said of, and the other words."""

    name: str
    title: str
    said: Words
    """Verbs; one of them, or of ``denied``, stands there. Neither has any: it has no verb."""
    denied: Words
    """What stands behind a denial, and only there."""
    of: Words
    """What it speaks of; one of them stands there. None: that is not asked."""
    words: Words
    """What else may stand there."""
    places: bool
    """Whether names of places may."""
    near: bool
    """Whether what it speaks of stands in the clause itself, and not only in its sentence."""
    free: str
    """What may stand there though no list has it: "words" that are not ``guarded``, "verbs" too, nothing (""), "never":
    not in its sentence either, or an "address": one of the two must."""


@dataclass(frozen=True, slots=True)
class ApplicationWords:
    """rules/applications.yaml: what an application (case B) must say, must not say, and the words it is made of."""

    wanted: tuple[Matter, ...]
    against: tuple[Matter, ...]
    clauses: tuple[Clause, ...]
    words: Words
    """Every word of a clause."""
    joints: Words
    """With which a clause may begin within a sentence; they say nothing by themselves."""
    never: Words
    """What no name of a place or a firm has, and no free word."""
    guarded: Words
    """Lemmas that no free word has: what matters is said in the words of a kind."""
    firms: Words
    """With which a line begins that is the name of a firm."""
    trades: Words
    """What stands below the applicant's name, or behind it."""
    towns: frozenset[str]
    """What the dictionary of Polish does not know as a town; in small letters, without diacritics and a last stop."""
    book: Book
    """Every saying of ``wanted`` and ``against``."""
    titles: Book
    """Every saying of ``begins``."""
    heads: Words
    """The words with which a title begins."""
    titled: Words
    """Every word of a title."""
    source: str
    """The file, by which a locked process has the same words."""


@dataclass(frozen=True, slots=True)
class Template:
    """The text of one file of rules/mails, not compiled."""

    path: Path
    source: str


@dataclass(frozen=True, slots=True)
class Language:
    """What mails and pages need beside the templates to speak a language, and how it is recognised."""

    code: str
    """ISO 639-1."""
    months: tuple[str, ...]
    """As they stand in a date."""
    forms: Mapping[str, str]
    """day, moment, opening, window, break and person → text with {places} to fill in."""
    hours: Mapping[str, str]
    """Number, or "other" → how long, as it follows „w ciągu”, with {n}."""
    days: Mapping[str, str]
    words: frozenset[str] = frozenset()
    """Folded words that tell the language."""
    shared: frozenset[str] = frozenset()
    """Those of them that Polish letters hold as well."""
    letters: str = ""
    """Small letters that Polish has not."""
    categories: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    """Polish name of a datum → its name."""
    defects: Mapping[Defect, str] = field(default_factory=dict)
    differences: Mapping[Difference, Sentence] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    """Polish sentence of a page of the activation → the same."""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All that the admins' folder says."""

    rules: tuple[Rule, ...]
    """In order; the last one has no condition and hands the mail to a person."""
    defects: Mapping[Defect, str]
    """Formal defect → sentence, in the order in which they are listed to the citizen."""
    differences: Mapping[Difference, Sentence]
    categories: Mapping[str, str]
    """Category of a ticket → its name in the registration mail."""
    contacts: Contacts
    signatures: SignatureRules
    application_words: ApplicationWords
    topics: tuple[Topic, ...]
    services: Mapping[str, Service]
    """Name → service; holds DEFAULT_SERVICE."""
    faqs: tuple[Faq, ...]
    calendar: Calendar
    limits: Limits
    retention: Mapping[str, timedelta]
    """Class of ``retention.CLASSES`` → after what age it is erased; none: never."""
    notices: tuple[Notice, ...]
    book: Book
    """Every saying of topics and faqs, to be looked for in one pass."""
    words: Mapping[str, tuple[str, ...]]
    """Fact → every word it can take with this rule set, as ``vocabulary.words`` gives them."""
    templates: Mapping[MailKind, Template]
    translations: Mapping[str, Mapping[MailKind, Template]]
    """Code of a language → its templates."""
    languages: Mapping[str, Language]
    """Code → every language but Polish."""
    hash: str
    """SHA-256 (hex) over every file that was read."""
    directory: Path

    def service_of(self, category: str) -> Service:
        """The service whose ticket one of ``category`` is; the default one for a category that none claims."""
        claims = (s for s in self.services.values() if category in s.categories)
        return next(claims, self.services[DEFAULT_SERVICE])

    def windows(self) -> tuple[Window, ...]:
        """Every window of the published notices."""
        return tuple(w for notice in self.notices if notice.state == PUBLISHED for w in notice.windows)

    def breaks_at(self, now: datetime) -> tuple[Notice, ...]:
        """The published notices that have a window open at ``now``."""
        published = (notice for notice in self.notices if notice.state == PUBLISHED)
        return tuple(n for n in published if any(w.start <= now < w.end for w in n.windows))
