"""From what is known of a message to the facts that rules may ask. Pure.

Formal defects come first and alone: with one of them no account is asked (procedure §3.1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from mailbot.application.check import is_own_name, same_person
from mailbot.model import (
    Account,
    Applicant,
    ApplicationState,
    Defect,
    Duplicate,
    Facts,
    Match,
    Phrase,
    Request,
    State,
    SubjectClass,
    Thread,
    Understanding,
)
from mailbot.model.categories import CASE_A, CASE_B, GENERAL, WRONG_SUBJECT
from mailbot.request import names
from mailbot.request.topics import NOTHING_SAID, TopicFacts
from mailbot.ruleset.model import Ruleset
from mailbot.text.address import login_key

CHANNELS = frozenset({SubjectClass.NOWE, SubjectClass.NOWE_NEAR, SubjectClass.ZGL, SubjectClass.OTHER})
"""Subjects outside the special procedure."""


@dataclass(frozen=True, slots=True)
class HistoryFacts:
    """What registry, history and calendar say beside the account of ``login_to_ask``."""

    taken: bool = False
    """Case B: the sender is a login already."""
    namesake: bool = False
    """Case B: another account bears the holder's name and birth year."""
    replayed: bool = False
    stops: str | None = None
    """The ticket that the mail may stop: it moves the sender's login."""
    limit: str = "no"
    """Word of the fact of that name."""
    thread: Thread | None = None
    """None: the mail names no ticket and answers no mail of ours."""
    maintenance: bool = False
    """A window of a published notice is open."""
    answer: str = "open"
    """Word of the fact of that name."""
    arrival: str = "fresh"
    """Word of the fact of that name."""


NO_HISTORY = HistoryFacts()
"""Nothing beside the account is known."""


def needs_check(u: Understanding) -> bool:
    """Whether the files may have to be checked as a signed application, as far as the mail alone tells. Whether they
    have to be: ``plan.waits_for_check``."""
    return u.checked.state is ApplicationState.NOT_ASKED and _is_plain_request(u)


def must_be_checked(u: Understanding) -> bool:
    """Whether the mail alone tells that they have to be: only under the sentence of case A may they mean nothing."""
    return needs_check(u) and u.request.phrase is not Phrase.A


def login_to_ask(u: Understanding) -> str | None:
    """The key of the login whose account the decision needs, or None.

    In case B it is the old login that a signed application names ("" when that is no address, and so nobody's login),
    else the sender's own, provided that his domain vouches for it.

    Formal defects are checked first and alone: with one of them the registry is not even asked (procedure §3.1).
    """
    if u.subject.kind in CHANNELS:
        return u.sender.key if _from_proven_person(u) else None
    if not _is_plain_request(u) or _formal(u):
        return None
    if u.request.phrase is Phrase.A:
        return u.sender.key
    asks = u.request.phrase is Phrase.B and u.checked.old_login is not None and u.checked.state.tried
    return login_key(u.checked.old_login or "") or "" if asks else None


def gather(
    u: Understanding,
    account: Account | None,
    duplicate: Duplicate,
    history: HistoryFacts,
    reading: TopicFacts = NOTHING_SAID,
) -> tuple[Facts, tuple[Defect, ...]]:
    """The facts about a message and its formal defects, given the account of ``login_to_ask`` and the history."""
    if u.checked.parted_login and login_to_ask(u) is not None and _is_not_his(u, account, history):
        u = replace(u, checked=replace(u.checked, state=ApplicationState.DOUBT, old_login=None))  # he may mean another
    asked = login_to_ask(u) is not None
    procedure = asked and u.subject.kind is SubjectClass.EXACT
    moves = procedure and u.request.phrase is Phrase.B
    defects = _formal(u)
    if procedure and account is None and not moves and u.checked.state.tried:
        defects = (Defect.PHRASE_A_WITH_APPLICATION,)
    facts = Facts(
        readable="no" if u.message.damage else "yes",
        automatic=u.message.automatic.value if u.message.automatic else "no",
        # Where a bug of ours kept us from reading, nothing is ambiguous: the help desk gets the mail, not security.
        sender="single" if u.sender.address or u.sender.ambiguity is None else "ambiguous",
        authentication=u.sender.authentication.result.value,
        duplicate=duplicate.value,
        subject=u.subject.kind.value,
        phrase=u.request.phrase.value if u.request.phrase else "none",
        attachment="yes" if u.message.attachments else "no",
        defects="yes" if defects else "no",
        account=(account.status.value if account else "unknown") if asked else "not-asked",
        name=(names.compare(u.request.names, account) if account and procedure else Match.UNKNOWN).value,
        year=_year(u.request, account if procedure else None).value,
        application=u.checked.state.value,
        holder=holder(u.checked.applicant, u.checked.body, account, namesake=history.namesake)
        if moves
        else "not-asked",
        new_login=("taken" if history.taken else "free") if moves else "not-asked",
        replay="yes" if history.replayed else "no",
        stop="yes" if history.stops else "no",
        limit=history.limit,
        thread=("own" if history.thread.own else "foreign") if history.thread else "none",
        ticket=_ticket(history.thread),
        complaint=_complaint(history.thread, u.received_at),
        topic=reading.topic,
        service=reading.service,
        faq=reading.faq,
        csd=("yes" if account and account.csd else "no") if asked and not procedure else "not-asked",
        language=reading.language,
        maintenance="yes" if history.maintenance else "no",
        answer=history.answer,
        spam="yes" if u.spam and not _is_asked_for(u, history) else "no",
        arrival=history.arrival,
    )
    return facts, defects


def category(
    u: Understanding,
    history: HistoryFacts = NO_HISTORY,
    reading: TopicFacts = NOTHING_SAID,
    rules: Ruleset | None = None,
) -> str:
    """The category that a rule leaves alone (procedure §3.2, column outcome).

    A signed application without any sentence is case B all the same. Outside the special procedure the sender's own
    ticket says it, else what the mail is about.
    """
    kind = u.subject.kind
    if kind is SubjectClass.EXACT:
        untold = u.request.phrase is None and u.checked.state.tried
        return CASE_B if untold or u.request.phrase is Phrase.B else CASE_A
    if kind not in CHANNELS:
        return WRONG_SUBJECT
    if history.thread and history.thread.own:
        return history.thread.category
    return _matter(reading, rules) if rules else GENERAL


def _matter(reading: TopicFacts, rules: Ruleset) -> str:
    topic = next((t.category for t in rules.topics if t.name == reading.topic), None)
    if topic:
        return topic
    if reading.system:
        return reading.system.category
    service = rules.services.get(reading.service)
    return service.categories[0] if service else GENERAL


def _from_proven_person(u: Understanding) -> bool:
    """Written by a person whose domain vouches for the address, and read for certain."""
    return u.sender.proven and not u.message.damage and u.message.automatic is None


def _is_asked_for(u: Understanding, history: HistoryFacts) -> bool:
    """What no filter may put aside: the procedure, or the matter of a ticket, of a proven sender."""
    own = history.thread is not None and history.thread.own
    return own or history.stops is not None or _is_plain_request(u)


def _is_plain_request(u: Understanding) -> bool:
    return u.subject.kind is SubjectClass.EXACT and _from_proven_person(u)


def _ticket(thread: Thread | None) -> str:
    if thread is None or not thread.own or thread.state is None:
        return "none"
    if thread.state is State.OCZEKUJE_NA_KLIENTA:
        return "waiting"
    return "closed" if thread.state.closed else "open"


def _complaint(thread: Thread | None, at: datetime) -> str:
    if thread is None or not thread.own or thread.complaint_until is None:
        return "none"
    return "in-time" if at <= thread.complaint_until else "late"


def _formal(u: Understanding) -> tuple[Defect, ...]:
    """Every formal defect of body and application; the application counts under the sentence of case B only."""
    return (*u.request.defects, *(u.checked.defects if u.request.phrase is Phrase.B else ()))


def _is_not_his(u: Understanding, account: Account | None, history: HistoryFacts) -> bool:
    found = holder(u.checked.applicant, u.checked.body, account, namesake=history.namesake)
    return found in ("unknown", "mismatch")


def holder(signer: Applicant | None, body: Match | None, account: Account | None, *, namesake: bool) -> str:
    """Signer against account and body (procedure §3.4, steps 6 and 8). PESEL is the strongest test, where both know it;
    without it name and birth year must be right and nobody else's. Word of the fact of that name."""
    if account is None:
        return "unknown"
    if signer is None:
        return "doubt"
    proven = bool(signer.pesel_hash and account.pesel_hash)
    name = same_person(signer.given, signer.surname, account)
    wrong_year = signer.birth_year is not None and signer.birth_year != account.birth_year
    wrong_pesel = proven and signer.pesel_hash != account.pesel_hash
    if wrong_year or wrong_pesel or Match.MISMATCH in (name, body):
        return "mismatch"
    sure = name is Match.OK and body is Match.OK and signer.birth_year is not None
    own = is_own_name(signer.given, signer.surname, account) and not namesake
    return "ok" if sure and (proven or own) else "doubt"


def _year(request: Request, account: Account | None) -> Match:
    if account is None:
        return Match.UNKNOWN
    if request.year is None:
        return Match.MISSING
    return Match.OK if request.year == account.birth_year else Match.MISMATCH
