"""Any bytes at all give a report with a verdict, and no mutation of a signed file is accepted as somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.signing import asic, cms, pdf, xades
from fixtures.signing.pki import NOW, Pki
from fixtures.signing.xades_shapes import Shape
from mailbot.ruleset.model import SignatureRules
from mailbot.signatures import verify
from mailbot.signatures.report import Integrity, SignatureReport, Verdict, to_json
from mailbot.signatures.trust import store
from mailbot.signatures.trust.store import TrustStore
from tests.once import shipped
from tests.support import examples

PAYLOAD = b"Wniosek: nowy adres jan.nowy@poczta.example"
AT = NOW + timedelta(hours=1)
STARTS = (b"", b"%PDF-1.7\n", b"<", b"\x30\x82\x10\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", b"MIIC", b"PK\3\4")
SHAPES: dict[str, Shape] = {
    "asic-e-cades": asic.SHAPES["asic-e-cades"],
    "asic-e-xades": asic.SHAPES["asic-e-xades"],
    "cades": cms.SHAPES["attached"],
    "cades-ber": cms.SHAPES["attached-ber"],
    "pades": pdf.SHAPES["pades"],
    "pz-pdf": pdf.SHAPES["pz"],
    "xades": xades.SHAPES["enveloped"],
    "pz-xml": xades.SHAPES["pz-podpisany-plik"],
}
quick = settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@cache
def signed(shape: str) -> bytes:
    pki = Pki()
    return SHAPES[shape](pki, pki.person(), PAYLOAD).data


@pytest.fixture(scope="module")
def rules() -> SignatureRules:
    return shipped().signatures


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> TrustStore:
    folder: Path = tmp_path_factory.mktemp("trust")
    Pki().write_trust(folder)
    return store.load(folder, NOW)


Verify = Callable[[bytes], tuple[SignatureReport, ...]]


@pytest.fixture(scope="module")
def check(trust: TrustStore, rules: SignatureRules) -> Verify:
    return lambda data: verify.verify([("wniosek", data)], trust, rules, AT)


def sound(reports: tuple[SignatureReport, ...]) -> None:
    assert reports
    for report in reports:
        assert (report.verdict is Verdict.ACCEPT) == (not report.reasons)
        assert report.verdict is not Verdict.ACCEPT or report.integrity is Integrity.OK
        assert to_json(report)["verdict"] in ("ACCEPT", "REJECT", "MANUAL")


@pytest.mark.parametrize("shape", SHAPES)
def test_untouched_file_is_accepted(shape: str, check: Verify) -> None:
    """Without this the tests below would prove nothing."""
    assert [report.verdict for report in check(signed(shape))] == [Verdict.ACCEPT]


@quick
@given(start=st.sampled_from(STARTS), data=st.binary(max_size=2000))
def test_any_bytes(start: bytes, data: bytes, check: Verify) -> None:
    sound(check(start + data))


@pytest.mark.parametrize("shape", SHAPES)
@quick
@given(data=st.data())
def test_changed_octets(shape: str, data: st.DataObject, check: Verify) -> None:
    original = signed(shape)
    octets = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    reports = check(bytes(octets))
    sound(reports)
    accepted = [report for report in reports if report.verdict is Verdict.ACCEPT]
    before = check(original)[0]
    for report in accepted:  # what is not covered by the signature (a zip's dates, PEM line ends) may change
        assert (report.signer, report.signature_sha256) == (before.signer, before.signature_sha256)


@pytest.mark.parametrize("shape", SHAPES)
@quick
@given(data=st.data())
def test_cut_doubled_and_spliced(shape: str, data: st.DataObject, check: Verify) -> None:
    original = signed(shape)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(original))] * 2)))
    middle = data.draw(st.sampled_from([b"", original, original[start:end] * 2, signed("xades")[:300]]))
    sound(check(original[:start] + middle + original[end:]))


@quick
@given(names=st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_any_names(names: list[str], trust: TrustStore, rules: SignatureRules) -> None:
    files = [(name, signed("cades")) for name in names]
    assert [report.file for report in verify.verify(files, trust, rules, AT)] == names
