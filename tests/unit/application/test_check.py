"""The grid of procedure §3.3, column "B ok": what the files of one mail are, and every formal defect of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from mailbot.application.check import check, chosen, same_person
from mailbot.application.data import Application
from mailbot.model import Account, ApplicationState, Defect, Match, Phrase, Request
from mailbot.signatures.reasons import Code, reason
from mailbot.signatures.report import (
    Format,
    Indication,
    Integrity,
    Kind,
    Scope,
    SignatureReport,
    SignerIdentity,
    SubIndication,
    Trust,
    Verdict,
)
from mailbot.signatures.worker import failed

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SENDER = "jan@nowa.example"
SIGNER = SignerIdentity("JAN PAWEŁ", "KOWALSKI", "certificate", date(1980, 5, 14), "*******1234", "h" * 64)
APPLICATION = Application("Jan", "Kowalski", "jan@dawna.example", SENDER)
REQUEST = Request(Phrase.B, ("Jana", "Kowalskiego"), 1980, ())
GOOD = SignatureReport(
    file="wniosek.pdf",
    format=Format.PADES,
    verdict=Verdict.ACCEPT,
    indication=Indication.TOTAL_PASSED,
    sub_indication=None,
    integrity=Integrity.OK,
    scope=Scope.FULL,
    trust=Trust.TRUSTED,
    kind=Kind.QUALIFIED,
    signer=SIGNER,
    reasons=(),
    received_at=NOW,
    payload_sha256="p" * 64,
    signature_sha256="s" * 64,
    payload=b"%PDF-1.7 ...",
)
PLAIN = replace(
    GOOD,
    format=Format.NONE,
    verdict=Verdict.REJECT,
    integrity=Integrity.NOT_SIGNED,
    scope=Scope.NONE,
    kind=Kind.OTHER,
    signer=None,
    payload=None,
    payload_sha256=None,
    signature_sha256=None,
    reasons=(reason(Code.UNSIGNED),),
    flags=("document",),
)
BROKEN = replace(GOOD, verdict=Verdict.REJECT, integrity=Integrity.BROKEN, signer=None)
ALONE = replace(BROKEN, integrity=Integrity.UNREADABLE, sub_indication=SubIndication.SIGNED_DATA_NOT_FOUND)
OTHER_KIND = replace(GOOD, verdict=Verdict.REJECT, kind=Kind.PERSONAL, reasons=(reason(Code.KIND_NOT_ACCEPTED),))
REVOKED = replace(GOOD, verdict=Verdict.REJECT, reasons=(reason(Code.CERTIFICATE_REVOKED),))
DOUBT = replace(GOOD, verdict=Verdict.MANUAL, reasons=(reason(Code.REVOCATION_UNKNOWN),))
IMAGE, ARCHIVE, HUGE, PROGRAM = (
    replace(PLAIN, flags=(flag,)) for flag in ("image", "container", "too_big", "executable")
)
LOGO = replace(PLAIN, flags=("image", "logo"))
SMIME = replace(ALONE, file="smime.p7s")
OFFICE = replace(PLAIN, flags=("document", "office_signature"))
UNREADABLE = Application(None, None, None, None, readable=False)
S, D = ApplicationState, Defect

GRID: dict[str, tuple[tuple[SignatureReport, ...], ApplicationState, tuple[Defect, ...]]] = {
    "unsigned": ((PLAIN,), S.UNSIGNED, (D.UNSIGNED,)),
    "a scan": ((IMAGE, IMAGE), S.UNSIGNED, (D.UNSIGNED,)),
    "a logo alone": ((LOGO, LOGO), S.UNSIGNED, (D.ATTACHMENT_MISSING,)),
    "a logo and a scan": ((LOGO, IMAGE), S.UNSIGNED, (D.UNSIGNED,)),
    "a signed mail without a file": ((SMIME, LOGO), S.UNSIGNED, (D.ATTACHMENT_MISSING,)),
    "a signed mail with an unsigned file": ((PLAIN, SMIME), S.UNSIGNED, (D.UNSIGNED,)),
    "a signed mail with a signed file": ((GOOD, SMIME), S.QUALIFIED, ()),
    "qualified": ((GOOD,), S.QUALIFIED, ()),
    "podpis zaufany": ((replace(GOOD, kind=Kind.TRUSTED_PZ),), S.TRUSTED, ()),
    "another kind that the rules admit": ((replace(GOOD, kind=Kind.ADVANCED_CUSTOMS),), S.ADMITTED, ()),
    "signed, and a scan beside it": ((IMAGE, GOOD, PLAIN), S.QUALIFIED, ()),
    "changed after signing": ((BROKEN,), S.INVALID, (D.SIGNATURE_INVALID,)),
    "not the whole file": (
        (replace(GOOD, verdict=Verdict.REJECT, scope=Scope.PARTIAL),),
        S.INVALID,
        (D.SIGNATURE_INVALID,),
    ),
    "revoked": ((REVOKED,), S.INVALID, (D.SIGNATURE_INVALID,)),
    "other kind": ((OTHER_KIND,), S.OTHER_KIND, (D.SIGNATURE_KIND,)),
    "indeterminate": ((DOUBT,), S.DOUBT, ()),
    "two signers": ((DOUBT, DOUBT), S.SEVERAL, ()),
    "two signed files": ((GOOD, replace(GOOD, file="inny.pdf")), S.SEVERAL, ()),
    "a good one and a bad one": ((BROKEN, GOOD), S.SEVERAL, ()),
    "two bad ones": ((BROKEN, OTHER_KIND), S.INVALID, (D.SIGNATURE_INVALID,)),
    "archive": ((ARCHIVE,), S.CONTAINER, (D.CONTAINER,)),
    "too big": ((HUGE, PLAIN), S.CONTAINER, (D.CONTAINER,)),
    "signature alone": ((ALONE,), S.DETACHED, (D.DETACHED_ONLY,)),
    "program": ((GOOD, PROGRAM), S.MALWARE, ()),
    "signed by Word": ((OFFICE,), S.DOUBT, ()),
    "worker died": ((failed("wniosek.pdf", NOW, "died"),), S.UNCHECKED, ()),
    "no report": ((), S.UNCHECKED, ()),
    "accepted without a signer": ((replace(GOOD, signer=None),), S.DOUBT, ()),
    "accepted without a digest": ((replace(GOOD, signature_sha256=None),), S.DOUBT, ()),
    "accepted in part": ((replace(GOOD, scope=Scope.PARTIAL),), S.DOUBT, ()),
}


@pytest.mark.parametrize("name", GRID)
def test_what_the_files_are(name: str) -> None:
    reports, state, defects = GRID[name]
    found = check(reports, APPLICATION, SENDER, REQUEST)
    assert (found.state, found.defects) == (state, defects)


APPLICATIONS: dict[str, tuple[Application, ApplicationState, tuple[Defect, ...]]] = {
    "other new address": (replace(APPLICATION, new_email="inny@nowa.example"), S.QUALIFIED, (D.APP_NEW_EMAIL_DIFFERS,)),
    "capitals in the address": (replace(APPLICATION, new_email="JAN@NOWA.example"), S.QUALIFIED, ()),
    "no old login": (replace(APPLICATION, old_login=None), S.QUALIFIED, (D.APP_INCOMPLETE,)),
    "another person": (replace(APPLICATION, given="Barbara"), S.QUALIFIED, (D.SIGNER_NOT_APPLICANT,)),
    "every defect at once": (
        Application("Barbara", "Kowalska", None, "inny@nowa.example"),
        S.QUALIFIED,
        (D.SIGNER_NOT_APPLICANT, D.APP_NEW_EMAIL_DIFFERS, D.APP_INCOMPLETE),
    ),
    "name in the genitive": (replace(APPLICATION, given="Jana", surname="Kowalskiego"), S.QUALIFIED, ()),
    "initial": (replace(APPLICATION, given="J."), S.DOUBT, ()),
    "nothing to read": (UNREADABLE, S.DOUBT, ()),
    "doubt about what was read": (
        replace(APPLICATION, given="Barbara", old_login=None, doubts=("another matter",)),
        S.DOUBT,
        (),
    ),
    "the old login in two lines": (replace(APPLICATION, torn=("jan@dawna.example",)), S.QUALIFIED, ()),
    "the new address, from which he writes, in two lines": (replace(APPLICATION, torn=(SENDER,)), S.QUALIFIED, ()),
    "another new address in two lines": (
        replace(APPLICATION, new_email="inny@no-wa.example", torn=("inny@no-wa.example",)),
        S.DOUBT,
        (),
    ),
    "a third address in two lines": (replace(APPLICATION, torn=("trzeci@no-wa.example",)), S.DOUBT, ()),
    "a name of which nothing says whose it is": (replace(APPLICATION, given="Barbara", named=False), S.DOUBT, ()),
}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_what_the_application_says(name: str) -> None:
    application, state, defects = APPLICATIONS[name]
    found = check((GOOD,), application, SENDER, REQUEST)
    assert (found.state, found.defects) == (state, defects)


def test_an_old_login_in_two_lines_is_told() -> None:
    assert check((GOOD,), replace(APPLICATION, torn=("jan@dawna.example",)), SENDER, REQUEST).parted_login
    assert not check((GOOD,), replace(APPLICATION, torn=(SENDER,)), SENDER, REQUEST).parted_login


def test_a_scan_in_signed_xml_is_for_a_person() -> None:
    scan = replace(GOOD, format=Format.XADES_ENVELOPING, payload=b"\xff\xd8\xff\xe0")
    found = check((scan,), UNREADABLE, SENDER, REQUEST)
    assert (found.state, found.defects) == (S.DOUBT, ())


def test_an_application_that_could_not_be_read_for_a_fault_of_ours_is_for_a_person() -> None:
    assert check((GOOD,), None, SENDER, REQUEST).state is S.DOUBT


def test_the_missing_data_and_the_limit_are_named() -> None:
    found = check((GOOD,), Application("Jan", None, None, SENDER), SENDER, REQUEST)
    assert found.details == {"czego": "nazwisko, dotychczasowy login"}
    assert check((ARCHIVE,), None, SENDER, REQUEST).details["limit"].isdigit()


def test_what_no_signature_covers_is_nobodys_word() -> None:
    found = check((BROKEN,), replace(APPLICATION, new_email="inny@nowa.example"), SENDER, REQUEST)
    assert (found.defects, found.old_login) == ((D.SIGNATURE_INVALID,), None)


def test_a_wrong_kind_is_told_together_with_what_the_application_lacks() -> None:
    found = check((OTHER_KIND,), replace(APPLICATION, old_login=None), SENDER, REQUEST)
    assert found.defects == (D.SIGNATURE_KIND, D.APP_INCOMPLETE)


BODIES = {
    "right": (REQUEST, SIGNER, Match.OK),
    "another year": (replace(REQUEST, year=1981), SIGNER, Match.MISMATCH),
    "another name": (replace(REQUEST, names=("Adam", "Nowak")), SIGNER, Match.MISMATCH),
    "no birth date in the signature": (REQUEST, replace(SIGNER, birth_date=None), Match.DOUBT),
    "no year in the body": (replace(REQUEST, year=None), SIGNER, None),
}


@pytest.mark.parametrize("name", BODIES)
def test_body_against_signer(name: str) -> None:
    request, signer, body = BODIES[name]
    assert check((replace(GOOD, signer=signer),), APPLICATION, SENDER, request).body is body


def test_chosen_is_the_signed_one() -> None:
    assert chosen((IMAGE, GOOD)) is GOOD
    assert chosen((IMAGE, PLAIN)) is None


NAMES = [
    ("JAN", "KOWALSKI", "Jan", "Kowalski", Match.OK),
    ("Jan Paweł", "Kowalski", "Jan", "Kowalski", Match.OK),
    ("Jan", "Kowalski", "Jan Paweł", "Kowalski", Match.OK),
    ("MALGORZATA", "ZIELINSKA WOJCIK", "Małgorzata", "Zielińska-Wójcik", Match.OK),
    ("Małgorzata", "Zielińska", "Małgorzata", "Zielińska-Wójcik", Match.DOUBT),
    ("Jan", "Kowal", "Jan", "Kowalski", Match.MISMATCH),
    ("Daniela", "Nowak", "Daniel", "Nowak", Match.DOUBT),
    ("Barbara", "Szymańska", "Adam", "Szymański", Match.MISMATCH),
    ("", "", "Jan", "Kowalski", Match.MISMATCH),
]


@pytest.mark.parametrize(("given", "surname", "other_given", "other_surname", "match"), NAMES)
def test_same_person(given: str, surname: str, other_given: str, other_surname: str, match: Match) -> None:
    assert same_person(given, surname, Account("", other_given, other_surname, 1980)) is match
