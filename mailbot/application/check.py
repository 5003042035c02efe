"""From the reports on the files of one mail to what may be said of its application (procedure §3.4, 1 to 6). Pure.

No account is asked here: whatever this module calls a defect can be seen in the mail itself (procedure §3.1).
"""

from __future__ import annotations

from collections.abc import Sequence

from mailbot.application.data import Application
from mailbot.model import Account, Applicant, ApplicationCheck, ApplicationState, Defect, Match, Request
from mailbot.request import names
from mailbot.signatures import told
from mailbot.signatures.bounds import FILE_MAX
from mailbot.signatures.report import (
    Integrity,
    Kind,
    Scope,
    SignatureReport,
    SignerIdentity,
    SubIndication,
    Verdict,
)
from mailbot.text.address import login_key

State = ApplicationState

_BY_DEFECT = {
    Defect.UNSIGNED: State.UNSIGNED,
    Defect.DETACHED_ONLY: State.DETACHED,
    Defect.SIGNATURE_KIND: State.OTHER_KIND,
    Defect.SIGNATURE_INVALID: State.INVALID,
}
_BY_KIND = {Kind.QUALIFIED: State.QUALIFIED, Kind.TRUSTED_PZ: State.TRUSTED}


def chosen(reports: Sequence[SignatureReport]) -> SignatureReport | None:
    """The report on the one signed object of a mail, with its doubt when there are several; None: nothing is signed.

    Unsigned files beside it (a scan, a logo) do not count, nor does what signs the mail and not a file.
    """
    signed = _signed_objects(reports)
    return told.combine(signed) if signed else None


def _signed_objects(reports: Sequence[SignatureReport]) -> list[SignatureReport]:
    return [r for r in reports if r.integrity is not Integrity.NOT_SIGNED and not _signs_the_mail(r)]


def _signs_the_mail(report: SignatureReport) -> bool:
    """The part of multipart/signed that a mail program adds (RFC 8551 §3.2.1): it fits no file."""
    alone = report.sub_indication is SubIndication.SIGNED_DATA_NOT_FOUND
    return alone and report.file.casefold() == "smime.p7s"


def check(
    reports: Sequence[SignatureReport], application: Application | None, sender: str | None, request: Request
) -> ApplicationCheck:
    """What the files are as an application, with every formal defect of it.

    ``application``: read from the payload of ``chosen(reports)``; None where there is no payload. ``sender``: the
    address in From. Any doubt gives a state that no rule may accept.
    """
    if any("executable" in report.flags for report in reports):
        return ApplicationCheck(State.MALWARE)
    notes = tuple(f"{r.code}: {r.text_pl}" for report in reports for r in report.reasons)
    if not reports or any(r.code == "WORKER_FAILED" for report in reports for r in report.reasons):
        return ApplicationCheck(State.UNCHECKED, notes=notes)
    report = chosen(reports)
    if report is None:
        return _unsigned(reports, notes)
    several = len(_signed_objects(reports)) > 1 and report.verdict is Verdict.MANUAL
    state = State.SEVERAL if several else _state(report)
    return _signed(state, report, application, sender, request, notes)


def same_person(given: str, surname: str, account: Account) -> Match:
    """Names of one source against those of another: OK, DOUBT or MISMATCH (procedure §3.4, step 4).

    OK: nominatives equal after folding (case, diacritics, hyphens), where either side may leave given names out; or the
    words in the genitive of the other name. Whether they prove a person without a PESEL: ``is_own_name``.
    """
    mine, theirs = set(names.words(given)), set(names.words(account.given))
    subset = bool(mine and theirs) and (mine <= theirs or theirs <= mine)
    surnames = sorted(names.words(surname))
    if subset and surnames and surnames == sorted(names.words(account.surname)):
        return Match.OK
    found = names.compare((*given.split(), *surname.split()), account)
    return Match.MISMATCH if found is Match.MISSING else found


def is_own_name(given: str, surname: str, account: Account) -> bool:
    """Whether a signer's name is the account's own, field by field and word by word; later given names may be left out.

    A certificate declines no name and turns none round: Adriana Kosa is not Adrian Kos, Marek Adam not Adam Marek, and
    Maria not Anna Maria, who may be her twin.
    """
    begins = names.words(given) in names.given_names(account.given)
    begins |= names.words(account.given) in names.given_names(given)
    return begins and names.words(surname) == names.words(account.surname)


def _unsigned(reports: Sequence[SignatureReport], notes: tuple[str, ...]) -> ApplicationCheck:
    if all("logo" in report.flags or _signs_the_mail(report) for report in reports):
        return ApplicationCheck(State.UNSIGNED, (Defect.ATTACHMENT_MISSING,), notes=notes)
    flags = {flag for report in reports for flag in report.flags}
    if "office_signature" in flags:  # signed in a way that we do not verify: that is not "unsigned"
        return ApplicationCheck(State.DOUBT, notes=notes)
    if flags & {"container", "too_big"}:
        return ApplicationCheck(
            State.CONTAINER, (Defect.CONTAINER,), {"limit": str(FILE_MAX // 1_000_000)}, notes=notes
        )
    return ApplicationCheck(State.UNSIGNED, (Defect.UNSIGNED,), notes=notes)


def _state(report: SignatureReport) -> State:
    defect = told.defect(report)
    if defect is not None:
        return _BY_DEFECT.get(defect, State.DOUBT)
    if report.verdict is Verdict.ACCEPT and _whole(report):
        return _BY_KIND.get(report.kind, State.ADMITTED)
    return State.DOUBT


def _whole(report: SignatureReport) -> bool:
    whole = report.integrity is Integrity.OK and report.scope is Scope.FULL
    return bool(whole and report.signer and report.payload_sha256 and report.signature_sha256)


def _signed(
    state: State,
    report: SignatureReport,
    application: Application | None,
    sender: str | None,
    request: Request,
    notes: tuple[str, ...],
) -> ApplicationCheck:
    defect = None if state is State.SEVERAL else told.defect(report)
    found = [defect] if defect else []
    details: dict[str, str] = {}
    signer = report.signer
    if report.integrity is not Integrity.OK or report.scope is not Scope.FULL:
        application = None  # what the signature does not cover is nobody's word
    doubts = (*application.doubts, *_parted(application, sender)) if application else ()
    if application is None or not application.readable or doubts:
        notes = (*notes, *doubts)
        if state.accepted:  # what is not surely read is no defect of the citizen's
            state = State.DOUBT
        application = None
    else:
        if application.missing:
            found.append(Defect.APP_INCOMPLETE)
            details["czego"] = ", ".join(application.missing)
        if application.new_email and (sender is None or login_key(application.new_email) != login_key(sender)):
            found.append(Defect.APP_NEW_EMAIL_DIFFERS)
        if signer and application.given and application.surname:
            same = same_person(application.given, application.surname, _as_account(signer))
            if same is Match.MISMATCH and application.named:
                found.append(Defect.SIGNER_NOT_APPLICANT)
            elif same is not Match.OK and state.accepted:
                state = State.DOUBT
                notes = (*notes, "the names in the application may be those of the signer, but not for certain")
    return ApplicationCheck(
        state=state,
        defects=tuple(d for d in Defect if d in found),
        details=details,
        old_login=application.old_login if application else None,
        parted_login=bool(application and _is_torn(application, application.old_login)),
        applicant=_applicant(signer),
        body=_body(request, signer),
        payload_sha256=report.payload_sha256,
        signature_sha256=report.signature_sha256,
        whole=_whole(report),
        notes=notes,
    )


def _parted(application: Application, sender: str | None) -> tuple[str, ...]:
    """A doubt for each address that a line's end parts, unless something else knows it: the new one writes to us, and
    the old one must be the signer's account (``ApplicationCheck.parted_login``)."""
    known = {login_key(application.old_login or ""), login_key(sender or "")} - {None}
    return tuple("an address that may be cut in two" for one in application.torn if login_key(one) not in known)


def _is_torn(application: Application, address: str | None) -> bool:
    return address is not None and login_key(address) in map(login_key, application.torn)


def _applicant(signer: SignerIdentity | None) -> Applicant | None:
    if signer is None:
        return None
    year = signer.birth_date.year if signer.birth_date else None
    return Applicant(signer.given, signer.surname, year, signer.pesel_hash)


def _body(request: Request, signer: SignerIdentity | None) -> Match | None:
    """Step 6: name and birth year of the body against the signer. Without a birth date nobody can tell namesakes."""
    if signer is None or not request.names or request.year is None:
        return None
    name = names.compare(request.names, _as_account(signer))
    if name is Match.MISMATCH or (signer.birth_date and signer.birth_date.year != request.year):
        return Match.MISMATCH
    return Match.OK if name is Match.OK and signer.birth_date else Match.DOUBT


def _as_account(signer: SignerIdentity) -> Account:
    return Account("", signer.given, signer.surname, signer.birth_date.year if signer.birth_date else 0)
