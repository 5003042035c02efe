"""Trusted lists of other states: fetched by the list of lists, read when a signer comes, each for its signers alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography import x509

from fixtures.signing import cms, revocation
from fixtures.signing.certificates import Profile, issue, name, qc_statements
from fixtures.signing.keys import private_key
from fixtures.signing.people import JAN
from fixtures.signing.pki import MINISTER, NOW, Pki, Signer
from mailbot import config
from mailbot.errors import ConfigError, TrustSourceUnavailable
from mailbot.signatures.report import Kind, SignatureReport, Trust, Verdict
from mailbot.signatures.trust import lists, refresh, store
from mailbot.signatures.verify import verify
from tests.once import shipped
from tests.trusted_lists import (
    LOTL_URL,
    POLISH_URL,
    Edition,
    Service,
    list_of_lists,
    list_signer,
    polish_list,
    state_url,
)

PKI = Pki()
RULES = shipped().signatures
EU, PL, DE, EL = (list_signer(one) for one in ("EU", "PL", "DE", "EL"))
CRL_URL = "http://crl.de.example/de.crl"


def authority(country: str) -> Signer:
    key = private_key(f"foreign/{country}")
    profile = Profile(name(C=country, O="Beispiel GmbH", CN=f"CA {country}"), days=(-300, 3000), is_ca=True)
    return Signer(JAN, issue(profile, key, NOW, None, key), key)


def person(by: Signer, subject: x509.Name | None = None, **more: object) -> Signer:
    told = name(C="DE", SER="PNODE-1234567890", SN="Schmidt", GN="Johann", CN="Johann Schmidt")
    profile = Profile(subject or told, qc=qc_statements())
    key = private_key("foreign/person")
    return Signer(JAN, issue(replace(profile, **more), key, NOW, by.certificate, by.key), key)  # type: ignore[arg-type]


GERMAN, GREEK = authority("DE"), authority("GR")
OTHERS = (("DE", DE), ("EL", EL))
LOTL = list_of_lists(EU, PL, others=OTHERS)
POLISH = polish_list(PL, Edition(services=(Service(PKI.authority("qualified").certificate),)))
GERMAN_EDITION = Edition(territory="DE", services=(Service(GERMAN.certificate, supply=(CRL_URL,)),))
GERMAN_LIST = polish_list(DE, GERMAN_EDITION)
GREEK_LIST = polish_list(EL, Edition(territory="EL", services=(Service(GREEK.certificate),)))
CRLS = {
    "q.crl": PKI.crl("qualified"),
    "de.crl": revocation.crl(GERMAN.certificate, GERMAN.key, NOW, "fresh"),
    "gr.crl": revocation.crl(GREEK.certificate, GREEK.key, NOW, "fresh"),
}
LISTS = {"lotl.xml": LOTL, "pl.xml": POLISH, "lists/DE.xml": GERMAN_LIST, "lists/EL.xml": GREEK_LIST}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, {"anchors/lotl/eu.pem": EU.pem})
    return tmp_path


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for file, data in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(data)
    return folder


def filled(folder: Path, **changed: bytes) -> Path:
    return write(folder, LISTS | {f"revocation/{file}": crl for file, crl in CRLS.items()} | changed)


def judged(folder: Path, signer: Signer) -> SignatureReport:
    data = cms.SHAPES["attached-leaf-only"](PKI, signer, b"wniosek").data
    (report,) = verify([("a.p7m", data)], store.load(folder, NOW), RULES, NOW)
    return report


def codes(report: SignatureReport) -> list[str]:
    return [found.code for found in report.reasons]


# -------------------------------------------------------------------------------------------------------- judged


@pytest.mark.parametrize(
    "number", ["PNODE-1234567890", "PASDE-C01X00T47", "IDCDE-L01X00T47", "PNOLT-38001085718", "TINDE-12"]
)
@pytest.mark.parametrize(("by", "listed"), [(GERMAN, "DE 7"), (GREEK, "EL 7")])
def test_a_foreigner_has_a_name_and_no_pesel(by: Signer, listed: str, number: str, folder: Path) -> None:
    """Semantics identifiers of EN 319 412-1 §5.1.3; Lithuanian and Estonian numbers have eleven digits as well."""
    subject = name(C="LT", SER=number, SN="Schmidt", GN="Johann", CN="Johann Schmidt")
    report = judged(filled(folder), person(by, subject))
    assert (report.verdict, report.kind, report.trust) == (Verdict.ACCEPT, Kind.QUALIFIED, Trust.TRUSTED)
    assert report.signer is not None
    assert (report.signer.given, report.signer.surname) == ("Johann", "Schmidt")
    assert (report.signer.birth_date, report.signer.pesel_masked) == (None, None)
    assert listed in report.trust_snapshot


def test_only_the_list_of_the_signer_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    true = lists.read_trusted_list

    def noted(data: bytes, signers: object, at: object, source: str, territory: str = "PL") -> object:
        read.append(territory)
        return true(data, signers, at, source, territory)  # type: ignore[arg-type]

    monkeypatch.setattr(lists, "read_trusted_list", noted)
    trust = store.load(filled(folder), NOW)
    data = cms.SHAPES["attached-leaf-only"](PKI, person(GERMAN), b"wniosek").data
    polish = cms.SHAPES["attached-leaf-only"](PKI, PKI.person(), b"wniosek").data
    for one in (polish, data, data, polish):
        verify([("a.p7m", one)], trust, RULES, NOW)
    assert read == ["PL", "DE"]
    assert {i.territory for i in trust.complete().lists} == {"EU", "PL", "DE", "EL"}


def test_a_mail_reads_few_lists(folder: Path) -> None:
    """Whoever writes many states into certificates of his own gets a person, and the next mail is none the worse."""
    others = (("DE", DE), ("EL", EL), ("FR", DE))
    french = authority("FR")
    write(filled(folder), {"lotl.xml": list_of_lists(EU, PL, others=others)})
    listed = Edition(territory="FR", services=(Service(french.certificate),))
    crl = revocation.crl(french.certificate, french.key, NOW, "fresh")
    write(folder, {"lists/FR.xml": polish_list(DE, listed), "revocation/fr.crl": crl})
    trust = store.load(folder, NOW)
    shape = cms.SHAPES["attached-leaf-only"]
    files = [(f"{n}.p7m", shape(PKI, person(by), b"wniosek").data) for n, by in enumerate((GERMAN, GREEK, french))]
    assert [codes(one) for one in verify(files, trust, RULES, NOW)] == [[], [], ["TRUST_LIST_STALE"]]
    assert [codes(one) for one in verify(files, trust, RULES, NOW)] == [[], [], []]


BROKEN = {
    "overdue": polish_list(DE, replace(GERMAN_EDITION, next_update=NOW - timedelta(days=1))),
    "signed by another state": polish_list(EL, GERMAN_EDITION),
    "the list of another state": GREEK_LIST,
    "rubbish": b"<a/>",
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_list_that_is_broken_is_a_doubt_for_its_signers_alone(fault: str, folder: Path) -> None:
    filled(folder, **{"lists/DE.xml": BROKEN[fault]})
    report = judged(folder, person(GERMAN))
    assert (report.verdict, codes(report)) == (Verdict.MANUAL, ["TRUST_LIST_STALE"])
    assert judged(folder, PKI.person()).verdict is Verdict.ACCEPT
    assert judged(folder, person(GREEK)).verdict is Verdict.ACCEPT
    complete = store.load(folder, NOW).complete()
    assert complete.stale_lists(NOW)
    assert bool(complete.problems) is (fault != "overdue")


def test_a_list_that_could_not_be_read_is_tried_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail may have left no room for it: that is said of the mail, and the next one is none the worse."""
    trust = store.load(filled(folder), NOW)
    files = [("a.p7m", cms.SHAPES["attached-leaf-only"](PKI, person(GERMAN), b"wniosek").data)]
    with monkeypatch.context() as no_room:
        no_room.setattr(lists, "_root", full)
        assert verify(files, trust, RULES, NOW)[0].verdict is Verdict.MANUAL
    with monkeypatch.context() as unreadable:
        unreadable.setattr(store, "read_bytes", absent)
        assert codes(verify(files, trust, RULES, NOW)[0]) == ["TRUST_LIST_STALE"]
    assert codes(verify(files, trust, RULES, NOW)[0]) == []


def full(signed: bytes) -> NoReturn:
    raise MemoryError


def absent(file: Path, limit: int) -> NoReturn:
    raise OSError("gone")


def test_a_polish_list_that_is_overdue_is_no_doubt_for_others(folder: Path) -> None:
    filled(folder, **{"pl.xml": polish_list(PL, Edition(next_update=NOW - timedelta(days=1)))})
    assert judged(folder, person(GERMAN)).verdict is Verdict.ACCEPT
    filled(folder, **{"lotl.xml": list_of_lists(EU, PL, Edition(next_update=NOW - timedelta(days=1)), others=OTHERS)})
    assert codes(judged(folder, person(GERMAN))) == ["TRUST_LIST_STALE"]


@pytest.mark.parametrize("file", ["lists/DE.xml.bak", "lists/de.xml", "lists/PL.xml", "lists/DEU.xml"])
def test_other_names_are_no_lists(file: str, folder: Path) -> None:
    write(folder, {"lotl.xml": LOTL, "pl.xml": POLISH, file: GERMAN_LIST, "revocation/de.crl": CRLS["de.crl"]})
    assert codes(judged(folder, person(GERMAN))) == ["ISSUER_UNKNOWN"]


def test_a_foreign_issuer_does_not_make_the_seal_of_podpis_zaufany(folder: Path) -> None:
    subject, qc = MINISTER["2024"]
    report = judged(filled(folder), person(GERMAN, subject, qc=qc))
    assert (report.verdict, report.kind) == (Verdict.REJECT, Kind.SEAL)


# -------------------------------------------------------------------------------------------------------- fetched


def fetched(folder: Path, territories: tuple[str, ...], pages: dict[str, bytes]) -> tuple[list[str], dict[str, bool]]:
    asked = []

    def network(url: str, limit: int) -> bytes:
        asked.append(url)
        if url not in pages:
            raise TrustSourceUnavailable(f"{url}: no route")
        return pages[url]

    steps = refresh.update(folder, LOTL_URL, [], NOW, network, territories)
    return asked, {step.file: step.failure is None for step in steps}


PAGES = {
    LOTL_URL: LOTL,
    POLISH_URL: POLISH,
    state_url("DE"): GERMAN_LIST,
    state_url("EL"): GREEK_LIST,
    CRL_URL: CRLS["de.crl"],
}


def test_the_lists_that_are_wanted_and_their_crls(folder: Path) -> None:
    assert fetched(folder, (), PAGES)[0] == [LOTL_URL, POLISH_URL]
    asked, done = fetched(folder, ("DE",), PAGES)
    assert asked == [LOTL_URL, POLISH_URL, state_url("DE"), CRL_URL]
    assert done["lists/DE.xml"]
    assert fetched(folder, ("all",), PAGES)[0] == list(PAGES)
    assert judged(folder, person(GERMAN)).verdict is Verdict.ACCEPT


def test_a_state_that_does_not_answer_or_is_not_named(folder: Path) -> None:
    pages = {url: page for url, page in PAGES.items() if url != state_url("EL")}
    _, done = fetched(folder, ("EL", "DE", "XX"), pages)
    assert (done["pl.xml"], done["lists/DE.xml"], done["lists/EL.xml"], done["lists/XX.xml"]) == (
        True,
        True,
        False,
        False,
    )
    assert not (folder / "lists" / "EL.xml").exists()
    swapped = PAGES | {state_url("DE"): GREEK_LIST}
    assert not fetched(folder, ("DE",), swapped)[1]["lists/DE.xml"]
    assert (folder / "lists" / "DE.xml").read_bytes() == GERMAN_LIST


def test_the_setting(tmp_path: Path) -> None:
    file = tmp_path / "mailbot.toml"
    file.write_text('[trust]\nterritories = ["DE", "all"]\n')
    assert config.load(file, {}).trust.territories == ("DE", "all")
    file.write_text('[trust]\nterritories = ["../x"]\n')
    with pytest.raises(ConfigError, match=r"\[trust\] territories: '../x' is no state; mend: "):
        config.load(file, {})
