"""From what is known of a message to the facts that rules may ask. Pure.

Formal defects come first and alone: with one of them no account is asked (domain.md §3.1).
"""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.address import login_key
from mailbot.application.check import same_person
from mailbot.model import (
    Account,
    ApplicationState,
    AuthResult,
    Checked,
    Defect,
    Duplicate,
    Facts,
    Match,
    Phrase,
    Request,
    Subject,
    SubjectClass,
    Understanding,
)
from mailbot.request import names

_CASE_B = "HASLO_AWARYJNE_B"


@dataclass(frozen=True, slots=True)
class Known:
    """What registry and history say beside the account of ``login_to_ask``; case B."""

    taken: bool = False
    """The sender is a login already."""
    namesake: bool = False
    """Another account bears the holder's name and birth year."""
    replayed: bool = False
    stops: str | None = None
    """The ticket that the mail may stop: it moves the sender's login."""


NOTHING = Known()
"""Nothing beside the account is known."""


def needs_check(u: Understanding) -> bool:
    """Whether the files are to be checked as a signed application. The mail alone tells, never the registry."""
    return u.checked.state is ApplicationState.NOT_ASKED and _is_plain_request(u)


def login_to_ask(u: Understanding) -> str | None:
    """The key of the login whose account the decision needs, or None.

    In case A it is the sender's, in case B the old login that a signed application names ("" when that is no
    address, and so nobody's login).

    Formal defects are checked first and alone: with one of them the registry is not even asked (domain.md §3.1).
    """
    if not _is_plain_request(u) or _formal(u):
        return None
    if u.request.phrase is Phrase.A:
        return login_key(u.sender.address or "")
    asks = u.request.phrase is Phrase.B and u.checked.old_login is not None and u.checked.state.tried
    return login_key(u.checked.old_login or "") or "" if asks else None


def gather(
    u: Understanding, account: Account | None, duplicate: Duplicate, known: Known
) -> tuple[Facts, tuple[Defect, ...]]:
    """The facts about a message and its formal defects, given the account of ``login_to_ask`` and the history."""
    asked = login_to_ask(u) is not None
    moves = asked and u.request.phrase is Phrase.B
    defects = _formal(u)
    if asked and account is None and not moves and u.checked.state.tried:
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
        name=(names.compare(u.request.names, account) if account and asked else Match.UNKNOWN).value,
        year=_year(u.request, account if asked else None).value,
        application=u.checked.state.value,
        holder=_holder(u.checked, account, known) if moves else "not-asked",
        new_login=("taken" if known.taken else "free") if moves else "not-asked",
        replay="yes" if known.replayed else "no",
        stop="yes" if known.stops else "no",
    )
    return facts, defects


def category(u: Understanding) -> str:
    """As understood; a signed application without any sentence is case B all the same."""
    exact = u.subject.kind is SubjectClass.EXACT
    return _CASE_B if exact and u.request.phrase is None and u.checked.state.tried else u.category


def category_of(kind: Subject, request: Request) -> str:
    """The category a rule leaves alone (domain.md §3.2, column outcome)."""
    if kind.kind is SubjectClass.EXACT:
        return _CASE_B if request.phrase is Phrase.B else "HASLO_AWARYJNE_A"
    near = kind.kind in (SubjectClass.NEAR, SubjectClass.REPLY_EXACT)
    return "TEMAT_NIEPOPRAWNY" if near else "OGOLNE"


def _is_plain_request(u: Understanding) -> bool:
    """The exact subject from a proven sender, read for certain."""
    return (
        u.subject.kind is SubjectClass.EXACT
        and not u.message.damage
        and u.message.automatic is None
        and u.sender.address is not None
        and u.sender.authentication.result is AuthResult.PASS
    )


def _formal(u: Understanding) -> tuple[Defect, ...]:
    """Every formal defect of body and application; the application counts under the sentence of case B only."""
    return (*u.request.defects, *(u.checked.defects if u.request.phrase is Phrase.B else ()))


def _holder(checked: Checked, account: Account | None, known: Known) -> str:
    """Signer against account and body (domain.md §3.4, steps 6 and 8). PESEL is the strongest test, where both know it;
    without it name and birth year must be right and nobody else's."""
    signer = checked.applicant
    if account is None:
        return "unknown"
    if signer is None:
        return "doubt"
    proven = bool(signer.pesel_hash and account.pesel_hash)
    name = same_person(signer.given, signer.surname, account)
    wrong_year = signer.birth_year is not None and signer.birth_year != account.birth_year
    wrong_pesel = proven and signer.pesel_hash != account.pesel_hash
    if wrong_year or wrong_pesel or Match.MISMATCH in (name, checked.body):
        return "mismatch"
    sure = name is Match.OK and checked.body is Match.OK and signer.birth_year is not None
    return "ok" if sure and (proven or not known.namesake) else "doubt"


def _year(request: Request, account: Account | None) -> Match:
    if account is None:
        return Match.UNKNOWN
    if request.year is None:
        return Match.MISSING
    return Match.OK if request.year == account.birth_year else Match.MISMATCH
