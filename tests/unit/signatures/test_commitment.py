"""What a signature says of its own purpose: consent, or something else such as a receipt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from asn1crypto import cms as asn1

from fixtures.signing import xades_shapes, xmldsig
from fixtures.signing.der import ObjectId, element, sequence
from fixtures.signing.pdf_shapes import base, plain_style, trusted_reason
from fixtures.signing.pdf_sign import sign
from fixtures.signing.people import ANNA
from fixtures.signing.pki import Pki
from fixtures.signing.xades_shapes import NOT_SIGNATURE
from fixtures.signing.xmldsig import Style
from mailbot.signatures import commitment
from mailbot.signatures.report import Integrity
from mailbot.signatures.verify import examine

PKI = Pki()
TEXT = b"Wniosek. login jan@stary.example, nowy jan@nowy.example\n"
TYPE, PROOF = "1.2.840.113549.1.9.16.6.", "http://uri.etsi.org/01903/v1.2.2#ProofOf"


@pytest.mark.parametrize(
    "said",
    [
        (),
        ("",),
        ("Wniosek o hasło",),
        ("Podpisuję wniosek o nadanie nowego hasła awaryjnego i zmianę loginu – konto PUESC.",),
        ("PODPIS ELEKTRONICZNY",),
        ("Zatwierdzam ten dokument", "autor"),
        ("Formalne zatwierdzenie (Proof of approval)",),
        ("I am the author of this document",),
        ("I am approving this document",),
        ("Zgadzam się",),
        ("I agree to the terms defined by the placement of my signature on this document",),
        ("Wnioskodawca",),
        ("Wnoszę o nowe has\u0142o",),
        (f"{TYPE}1", f"{TYPE}5"),
        (f"urn:oid:{TYPE}5",),
        (f"{PROOF}Origin", f" {PROOF}Approval\n"),
    ],
)
def test_consent(said: tuple[str, ...]) -> None:
    assert commitment.consents(said)


@pytest.mark.parametrize(
    "said",
    [
        "Odebrałem",
        "Potwierdzam odbiór dokumentu",
        "Zapoznałam się z wnioskiem",
        "Nie podpisuję tego wniosku",
        "Nie wyrażam zgody",
        "Podpis bez zgody na zmianę hasła",
        "Wnoszę sprzeciw",
        "Nie zgadzam się",
        "I attest to this signature",
        "Do akceptacji",
        "Wniosek do podpisu",
        "Document for approval",
        "Anuluję wniosek",
        "świadek podpisu",
        "Za zgodność z oryginałem",
        "I have received this document",
        "I have reviewed this document",
        "I do not agree",
        "Podpis?",
        "Nie\u200bpodpisuję",
        "pod\u200bpisuję",
        "PESEL 44051401359",
        f"{TYPE}2",
        f"{TYPE}3",
        f"{TYPE}4",
        f"{TYPE}6",
        f"{TYPE}51",
        f"{PROOF}Receipt",
        f"{PROOF}Creation",
        f"{PROOF}ApprovalOfNothing",
        "1.2.3",
        "?",
    ],
)
def test_no_consent(said: str) -> None:
    assert not commitment.consents((said,))
    assert not commitment.consents((f"{TYPE}5", said))


def _attribute(kind: str, *values: bytes) -> asn1.CMSAttribute:
    return asn1.CMSAttribute.load(sequence(ObjectId(kind).dump(), element(0x31, b"".join(values))))


def _type(number: int, *more: bytes) -> bytes:
    return sequence(ObjectId(f"{TYPE}{number}").dump(), *more)


def test_attributes_of_cms() -> None:
    kind, roles = "1.2.840.113549.1.9.16.2.16", "0.4.0.19122.1.1"
    found = [_attribute("1.2.840.113549.1.9.5"), _attribute(kind, _type(5), _type(2)), _attribute(roles, sequence())]
    assert [*commitment.of_cms(found)] == [f"{TYPE}5", f"{TYPE}2", roles]
    assert [*commitment.of_cms([_attribute(kind, _type(5, sequence()))])] == [f"{TYPE}5"]
    assert not commitment.consents(commitment.of_cms([_attribute(kind, _type(5, sequence(b"\5\0")))]))
    for garbage in (b"\4\1x", b"\x30\x00", b"\x30\x02\x05\x00"):
        with pytest.raises(ValueError):
            list(commitment.of_cms([_attribute(kind, garbage)]))


@pytest.mark.parametrize("reason", ["Odebrałem", "Wniosek o hasło", trusted_reason(ANNA)])
def test_reason_of_a_pdf(reason: str) -> None:
    made = sign(base(TEXT), [PKI.person()], replace(plain_style(PKI), reason=reason))
    (found,) = examine(bytes(made.data))
    assert (found.integrity, found.commitments) == (Integrity.OK, (reason,))


@pytest.mark.parametrize(
    ("more", "said"), [("", ()), ("/Reason ()", ()), ("/Reason 12", ("?",)), ("/Reason <F>", ("ð",))]
)
def test_reason_that_is_none(more: str, said: tuple[str, ...]) -> None:
    (found,) = examine(bytes(sign(base(TEXT), [PKI.person()], replace(plain_style(PKI), more=more)).data))
    assert found.commitments == said


def _indication(inside: str) -> str:
    return (
        "<xades:SignedDataObjectProperties><xades:CommitmentTypeIndication>"
        f"{inside}</xades:CommitmentTypeIndication></xades:SignedDataObjectProperties>"
    )


APPROVAL = f"<xades:CommitmentTypeId><xades:Identifier>{PROOF}Approval</xades:Identifier></xades:CommitmentTypeId>"
QUALIFIER = "<xades:CommitmentTypeQualifiers><xades:CommitmentTypeQualifier>{}</xades:CommitmentTypeQualifier>"


@pytest.mark.parametrize(
    ("inside", "consents"),
    [
        (APPROVAL + "<xades:AllSignedDataObjects/>", True),
        (APPROVAL.replace("Approval", "Receipt"), False),
        (APPROVAL.replace("Identifier", "Identification"), False),
        (APPROVAL + QUALIFIER.format("") + "</xades:CommitmentTypeQualifiers>", True),
        (APPROVAL + QUALIFIER.format("nie") + "</xades:CommitmentTypeQualifiers>", False),
    ],
)
def test_commitment_of_xades(inside: str, consents: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    end = "</xades:SignedSignatureProperties>"
    _changed_properties(monkeypatch, lambda text: text.replace(end, end + _indication(inside)))
    (found,) = examine(xades_shapes.enveloped(PKI, PKI.person(), TEXT, NOT_SIGNATURE))
    assert found.integrity is Integrity.OK
    assert commitment.consents(found.commitments) is consents


@pytest.mark.parametrize(("role", "said"), [("świadek", ("świadek",)), ("<a/>nie", ("nie",)), ("<a>nie</a>", ())])
def test_roles_in_words(role: str, said: tuple[str, ...]) -> None:
    data = xades_shapes.enveloped(PKI, PKI.person(), TEXT, NOT_SIGNATURE, style=Style(role=role))
    (found,) = examine(data)
    assert (found.integrity, found.commitments) == (Integrity.OK, said)


def test_a_property_that_stands_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers take the first or the last."""
    for name in ("SignedSignatureProperties", "SigningCertificate"):
        more = f"<xades:{name}/>"
        with monkeypatch.context() as patched:
            _changed_properties(
                patched, lambda text, more=more, name=name: text.replace(f"<xades:{name}>", f"{more}<xades:{name}>")
            )
            (found,) = examine(xades_shapes.enveloped(PKI, PKI.person(), TEXT, NOT_SIGNATURE))
        assert found.failure is not None
        assert (found.integrity, found.failure.code) == (Integrity.UNREADABLE, "NO_SIGNED_PROPERTIES")


def _changed_properties(patch: pytest.MonkeyPatch, change: Callable[[str], str]) -> None:
    """Properties that were signed so."""
    usual = xmldsig._properties
    patch.setattr(xmldsig, "_properties", lambda signer, now, style: change(usual(signer, now, style)))
