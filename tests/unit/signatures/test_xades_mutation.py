"""However a signed file is changed: it is refused, or it still says exactly what was signed."""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from fixtures.signing.people import JAN
from fixtures.signing.pki import Pki
from fixtures.signing.xades import SHAPES
from fixtures.signing.xmldsig import DS, PARSER
from mailbot.signatures.report import Evidence, Integrity, Scope
from mailbot.signatures.xades import core
from tests.support import examples

PAYLOAD = b"Wniosek. Jan Kowalski, login jan@stary.example, nowy jan@nowy.example\n"
USED = (
    "enveloped",
    "enveloped-inclusive-signedinfo",
    "enveloped-by-id",
    "enveloped-bom-pi",
    "pz-new",
    "pz-podpisany-plik",
    "enveloping-base64",
    "enveloping-base64-untransformed",
    "enveloping-signatures-root",
    "enveloping-xml",
    "detached",
)
LIMITED = settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))


@cache
def pki() -> Pki:
    return Pki()


@cache
def signed(shape: str) -> tuple[bytes, dict[str, bytes]]:
    made = SHAPES[shape](pki(), pki().person(JAN), PAYLOAD)
    return made.data, {} if made.content is None else {"wniosek.pdf": made.content}


@cache
def original(shape: str) -> Evidence:
    (evidence,) = core.verify(*signed(shape))
    return evidence


def check(data: bytes, shape: str) -> None:
    """Never an exception; whole and covering everything only with the content and the person that were signed."""
    found = core.verify(data, signed(shape)[1])
    assert found
    for evidence in found:
        if evidence.integrity is Integrity.OK and evidence.scope is Scope.FULL:
            true = original(shape)
            assert evidence.payload == true.payload
            assert evidence.payload_name == true.payload_name
            assert evidence.personal == true.personal
            assert evidence.certificate == true.certificate
            assert evidence.claimed_time == true.claimed_time
            assert evidence.signature_value == true.signature_value
        else:
            assert evidence.failure is not None
            assert evidence.payload is None
            assert evidence.personal == ()


@LIMITED
@given(st.sampled_from(USED), st.data())
def test_changed_bytes(shape: str, data: st.DataObject) -> None:
    octets = bytearray(signed(shape)[0])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(octets) - 1))
        end = min(len(octets), at + data.draw(st.integers(0, 40)))
        octets[at:end] = data.draw(
            st.one_of(st.binary(max_size=8), st.sampled_from([b"<!---->", b"&#65;", b"<a/>", b" "]))
        )
    check(bytes(octets), shape)


@LIMITED
@given(st.sampled_from(USED), st.randoms(use_true_random=False), st.integers(1, 4))
def test_moved_elements(shape: str, chance: random.Random, times: int) -> None:
    """Elements copied, moved, removed, renamed: every signature wrapping is made of such steps."""
    root = etree.fromstring(signed(shape)[0], PARSER)
    for _ in range(times):
        elements = list(root.iter("*"))
        one, other = chance.choice(elements), chance.choice(elements)
        step = chance.choice(("copy", "move", "remove", "rename", "text", "attribute", "object"))
        inside = any(ancestor is one for ancestor in other.iterancestors()) or one is other
        if step == "copy":
            other.insert(
                chance.randrange(len(other) + 1), etree.fromstring(etree.tostring(one, with_tail=False), PARSER)
            )
        elif step == "move" and one is not root and not inside:
            other.insert(chance.randrange(len(other) + 1), one)
        elif step == "remove" and one is not root and one.getparent() is not None:
            one.getparent().remove(one)
        elif step == "rename":
            one.tag = other.tag
        elif step == "text":
            one.text = (one.text or "") + "zlodziej@obcy.example"
        elif step == "attribute" and other.attrib:
            name = chance.choice(list(other.attrib))
            one.set(name, other.get(name, ""))
        elif step == "object":
            etree.SubElement(one, f"{{{DS}}}Object", Id="Object-1").text = "enxvZHppZWo="
    check(etree.tostring(root.getroottree()), shape)


@settings(max_examples=examples(200), deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: f"<a>{text}</a>".encode())))
def test_any_bytes_give_evidence(data: bytes) -> None:
    (evidence,) = core.verify(data)
    assert evidence.integrity in (Integrity.UNREADABLE, Integrity.NOT_SIGNED)


@pytest.mark.parametrize("shape", USED)
def test_every_cut_of_a_file_is_refused(shape: str) -> None:
    octets = signed(shape)[0].rstrip()
    for end in range(0, len(octets), 37):
        for evidence in core.verify(octets[:end], signed(shape)[1]):
            assert evidence.integrity in (Integrity.UNREADABLE, Integrity.NOT_SIGNED)
