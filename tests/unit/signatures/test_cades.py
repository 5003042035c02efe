"""CMS files: every shape citizens send, every attack, the BER reader below them, and bytes that are no CMS."""

from __future__ import annotations

import base64
import hashlib
import importlib
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import algos, x509
from asn1crypto import cms as asn1
from cryptography import x509 as crypto
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fixtures.signing import cms, cms_writer
from fixtures.signing.certificates import Profile, issue, name, qc_statements
from fixtures.signing.cms_writer import CmsStyle
from fixtures.signing.der import ObjectId, children, element, indefinite, octets, sequence
from fixtures.signing.keys import KeyKind, sign
from fixtures.signing.people import ANNA, JAN
from fixtures.signing.pki import Pki, Signer
from fixtures.signing.xades_shapes import Shape, signing_time
from mailbot.signatures import ber, cades
from mailbot.signatures.report import Evidence, Format, Integrity, Scope, SubIndication
from tests.support import examples

TEXT = b"Wniosek o haslo, Jan Kowalski, nowy adres: jan@nowy.example"
ATTACHED = CmsStyle(detached=False)
OK, BROKEN, UNREADABLE = Integrity.OK, Integrity.BROKEN, Integrity.UNREADABLE


@cache
def pki() -> Pki:
    return Pki()


@cache
def jan(key: KeyKind = "rsa-2048") -> Signer:
    return pki().person(JAN, key=key)


def one(data: bytes, content: bytes | None = None) -> Evidence:
    (found,) = cades.verify(data, content)
    return found


def code(found: Evidence) -> str | None:
    return found.failure.code if found.failure else None


# ---------------------------------------------------------------------------------------------------- valid


VALID = [(name, shape, key) for name, shape in cms.SHAPES.items() for key in ("rsa-2048", "p256", "p384")]
VALID += [(name, shape, "rsa-2048") for name, shape in {**cms.RSA_SHAPES, **cms.WEAK}.items()]


@pytest.mark.parametrize(("name", "shape", "key"), VALID, ids=lambda value: value if isinstance(value, str) else "")
def test_valid_shape_is_intact_and_whole(name: str, shape: Shape, key: KeyKind) -> None:
    made = shape(pki(), jan(key), TEXT)
    found = one(*made)
    assert found.format is (Format.CADES_DETACHED if name.startswith("detached") else Format.CADES_ATTACHED)
    assert (found.integrity, found.scope, found.failure, found.uncovered) == (OK, Scope.FULL, None, ())
    assert (found.payload, found.certificate) == (TEXT, jan(key).der)
    assert found.claimed_time == signing_time(pki())
    assert found.level == ("B-T" if name.endswith("-t") else "B-B")
    assert ("rsa_digestinfo_without_null" in found.flags) == name.endswith("no-null")


@pytest.mark.parametrize(
    "wrap",
    [
        base64.b64encode,
        base64.encodebytes,
        lambda der: b"\n" + base64.encodebytes(der).replace(b"\n", b"\r\n") + b"\r\n",
        lambda der: (
            b"-----BEGIN PKCS #7 SIGNED DATA-----\r\n%b-----END PKCS #7 SIGNED DATA-----" % base64.encodebytes(der)
        ),
        lambda der: der + b"\0\0",
        lambda der: der + b"\r\n",
    ],
)
def test_wrappings(wrap: Callable[[bytes], bytes]) -> None:
    found = one(wrap(cms_writer.write(TEXT, [jan()], ATTACHED)))
    assert (found.integrity, found.scope, found.payload) == (OK, Scope.FULL, TEXT)


@pytest.mark.parametrize("shape", ["no-signed-attributes", "no-signing-certificate"])
def test_certificate_that_nothing_signed_names_is_flagged(shape: str) -> None:
    found = one(*cms.DOUBTFUL[shape](pki(), jan(), TEXT))
    assert (found.integrity, found.flags) == (OK, ("no_signing_certificate_attribute",))


def test_large_content_in_chunks() -> None:
    """BER as streaming programs write it: the content in pieces."""
    content = bytes(range(256)) * 4000
    data = cms_writer.write(content, [jan()], ATTACHED)
    whole = octets(content)
    pieces = b"".join(octets(content[at : at + 1000]) for at in range(0, len(content), 1000))
    streamed = indefinite(data, 5).replace(whole, b"\x24\x80" + pieces + b"\0\0")
    assert len(streamed) != len(data)
    assert one(streamed).payload == content


def test_revocation_lists_of_megabytes_inside() -> None:
    """Programs for archives put the CRL of every CA beside the signature (RFC 5126 §6.3.4)."""
    head, body = children(cms_writer.write(TEXT, [jan()], ATTACHED))
    *parts, infos = children(children(body)[0])
    kept = element(0x31, pki().crl("qualified", "big") * 3)
    attribute = sequence(ObjectId("1.2.840.113549.1.9.16.2.24").dump(), kept)
    info = sequence(*children(children(infos)[0]), element(0xA1, attribute))
    data = sequence(head, element(0xA0, sequence(*parts, element(0x31, info))))
    assert len(data) > 3_000_000
    assert (one(data).integrity, one(data).scope, one(data).payload) == (OK, Scope.FULL, TEXT)


# --------------------------------------------------------------------------------------------- attacks


@pytest.mark.parametrize("second", [octets(b"Zgoda na wszystko"), b"\x24\x80" + octets(b"Zgoda") + b"\0\0", b"\5\0"])
def test_two_strings_of_content_are_no_document(second: bytes) -> None:
    """Some readers take the first, others join all of them: nobody knows what was seen."""
    data = indefinite(cms_writer.write(TEXT, [jan()], ATTACHED), 5)
    for twice in (octets(TEXT) + second, second + octets(TEXT)):
        found = one(data.replace(octets(TEXT), twice))
        assert (found.integrity, found.payload) == (UNREADABLE, None)


ATTACKS: dict[str, tuple[Integrity, Scope, str]] = {
    "content-changed": (BROKEN, Scope.NONE, "DOCUMENT_CHANGED"),
    "content-changed-attached": (BROKEN, Scope.NONE, "DOCUMENT_CHANGED"),
    "value-changed": (BROKEN, Scope.NONE, "SIGNATURE_WRONG"),
    "time-changed": (BROKEN, Scope.NONE, "SIGNATURE_WRONG"),
    "certificate-not-named": (BROKEN, Scope.NONE, "CERTIFICATE_MISMATCH"),
    "certificate-missing": (BROKEN, Scope.NONE, "CERTIFICATE_MISMATCH"),
    "no-signers": (UNREADABLE, Scope.NONE, "SIGNATURE_UNREADABLE"),
    "not-signed-data": (UNREADABLE, Scope.NONE, "SIGNATURE_UNREADABLE"),
    "cut": (UNREADABLE, Scope.NONE, "SIGNATURE_UNREADABLE"),
    "trailing-bytes": (OK, Scope.PARTIAL, "NOT_WHOLE_FILE"),
    "depth-bomb": (UNREADABLE, Scope.NONE, "SIGNATURE_UNREADABLE"),
}


@pytest.mark.parametrize("name", [name for name in cms.TAMPERED if not name.startswith("two-signers")])
def test_attack(name: str) -> None:
    found = one(*cms.TAMPERED[name](pki(), jan(), TEXT))
    assert (found.integrity, found.scope, code(found)) == ATTACKS[name]
    assert found.payload is None
    assert found.sub_indication


@pytest.mark.parametrize("name", ["two-signers", "two-signers-detached"])
def test_every_signer_is_one_evidence(name: str) -> None:
    found = cades.verify(*cms.TAMPERED[name](pki(), jan(), TEXT))
    assert [evidence.integrity for evidence in found] == [OK, OK]
    assert len({evidence.certificate for evidence in found}) == 2


def test_signature_without_its_file() -> None:
    found = one(cms_writer.write(TEXT, [jan()], CmsStyle()))
    assert (found.format, found.integrity, found.scope) == (Format.CADES_DETACHED, UNREADABLE, Scope.NONE)
    assert (code(found), found.sub_indication) == ("DETACHED_ONLY", SubIndication.SIGNED_DATA_NOT_FOUND)


def test_file_beside_an_attached_signature_is_not_its_payload() -> None:
    found = one(cms_writer.write(TEXT, [jan()], ATTACHED), b"something else")
    assert (found.integrity, found.payload, found.format) == (OK, TEXT, Format.CADES_ATTACHED)


def test_timestamp_token_is_no_signature_of_a_document() -> None:
    token = cms_writer.timestamp(b"value", pki().tsa, signing_time(pki()))
    assert code(one(token)) == "CONTENT_TYPE"


@pytest.mark.parametrize("around", [(b"Nowy adres: x\n", b""), (b"", b"\nNowy adres: x"), (b"", b"again")])
def test_text_around_pem_is_not_signed(around: tuple[bytes, bytes]) -> None:
    pem = cms.SHAPES["attached-pem"](pki(), jan(), TEXT).data
    before, after = (part.replace(b"again", pem) for part in around)
    found = one(before + pem + after)
    assert (found.integrity, found.scope, found.payload) == (OK, Scope.PARTIAL, None)


def test_attributes_passed_off_as_a_document() -> None:
    """Without signed attributes the old SET of them would be a content whose signature is right (RFC 5652 §11)."""
    content = element(0x31, _signer_info()["signed_attrs"].contents)
    data = asn1.ContentType("data").dump()
    found = one(_rebuilt(signed_attrs=b"", encap_content_info=element(0x30, data + element(0xA0, octets(content)))))
    assert (found.integrity, code(found)) == (BROKEN, "SIGNATURE_WRONG")


SIGNER_INFO = (
    "version",
    "sid",
    "digest_algorithm",
    "signed_attrs",
    "signature_algorithm",
    "signature",
    "unsigned_attrs",
)
SIGNED_DATA = ("version", "digest_algorithms", "encap_content_info", "certificates")


def _rebuilt(key: KeyKind = "rsa-2048", **changes: bytes) -> bytes:
    """The usual attached file with other fields (DER) in its SignerInfo or SignedData; b"": without it.

    Put together by hand: asn1crypto takes exponential time to write nested values that it has parsed.
    """
    info = asn1.ContentInfo.load(cms_writer.write(TEXT, [jan(key)], ATTACHED))
    signed = info["content"]
    signer = signed["signer_infos"][0]
    fields = b"".join(changes.get(name, signer[name].dump()) for name in SIGNER_INFO)
    parts = b"".join(changes.get(name, signed[name].dump()) for name in SIGNED_DATA)
    body = element(0x30, parts + element(0x31, element(0x30, fields)))
    return element(0x30, info["content_type"].dump() + element(0xA0, body))


def _signed_fields(data: bytes) -> dict[str, bytes]:
    return {"signed_attrs": asn1.ContentInfo.load(data)["content"]["signer_infos"][0]["signed_attrs"].dump()}


def _signer_info() -> asn1.SignerInfo:
    return asn1.ContentInfo.load(_sample())["content"]["signer_infos"][0]


def _with_attributes(change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """A file whose signer put ``change`` of the usual attributes (DER of each) into the SET and signed that."""
    body = b"".join(change([attribute.dump() for attribute in _signer_info()["signed_attrs"]]))
    value = octets(sign(jan().key, element(0x31, body)))
    return _rebuilt(signed_attrs=element(0xA0, body), signature=value)


@pytest.mark.parametrize(
    ("change", "integrity"),
    [
        (lambda all_: all_, OK),
        (lambda all_: all_[::-1], OK),  # not in the order of DER, and signed so
        (lambda all_: [*all_, all_[0]], UNREADABLE),
        (lambda all_: [*all_, all_[1]], UNREADABLE),
        (lambda all_: [*all_, all_[2]], UNREADABLE),
        (lambda all_: [one for one in all_ if b"\x09\x04" not in one[:16]], UNREADABLE),  # no message-digest
        (lambda all_: [one for one in all_ if b"\x09\x03" not in one[:16]], UNREADABLE),  # no content-type
        (lambda _: [], UNREADABLE),
    ],
)
def test_signed_attributes(change: Callable[[list[bytes]], list[bytes]], integrity: Integrity) -> None:
    assert one(_with_attributes(change)).integrity is integrity


def test_attributes_in_another_order_than_the_signed_der() -> None:
    data, signer = _sample(), _signer_info()
    body = signer["signed_attrs"].contents
    shuffled = b"".join(attribute.dump() for attribute in reversed(list(signer["signed_attrs"])))
    assert shuffled != body
    assert one(data.replace(body, shuffled)).integrity is OK


def test_signer_named_by_key_identifier() -> None:
    for signer, integrity in ((jan(), OK), (pki().person(ANNA), BROKEN)):
        identifier = x509.Certificate.load(signer.der).key_identifier_value
        assert one(_rebuilt(sid=element(0x80, identifier.native))).integrity is integrity


def test_other_certificates_do_not_hide_the_right_one() -> None:
    """A second certificate with the same issuer and number, made by an attacker, stands first."""
    twin = x509.Certificate.load(jan().der)
    twin["tbs_certificate"]["subject"] = x509.Certificate.load(pki().person(ANNA).der).subject
    found = one(_rebuilt(certificates=element(0xA0, twin.dump() + jan().der)))
    assert twin.dump() != jan().der
    assert (found.integrity, found.certificate) == (OK, jan().der)


def _padded(size: int) -> Signer:
    """A signer whose certificate has an extension of that many octets."""
    key = jan().key
    extra = crypto.UnrecognizedExtension(crypto.ObjectIdentifier("1.3.6.1.4.1.32473.9"), b"x" * size)
    profile = Profile(name(C="PL", CN="Jan Kowalski"), qc=qc_statements(), extra=(extra,), serial=7)
    return Signer(JAN, issue(profile, key, pki().now, None, key), key)


def test_certificate_whose_length_asn1crypto_takes_for_indefinite() -> None:
    """Its dump() encodes anew what has a length ending in 0x80; pyHanko's extra names make it fail on top."""
    importlib.import_module("pyhanko.sign.ades.qualified_asn1")
    found = [signer for signer in map(_padded, range(300, 300 + 256)) if signer.der[3] == 0x80]
    assert len(found) == 1
    evidence = one(cms_writer.write(TEXT, found, ATTACHED))
    assert (evidence.integrity, evidence.certificate) == (OK, found[0].der)


def test_no_certificate_at_all() -> None:
    found = one(_rebuilt(certificates=b""))
    assert (found.integrity, found.sub_indication) == (UNREADABLE, SubIndication.NO_SIGNING_CERTIFICATE_FOUND)


def _digest(name: str) -> bytes:
    encoded: bytes = algos.DigestAlgorithm({"algorithm": name}).dump()
    return encoded


def _signature(name: str, parameters: dict[str, Any] | None = None) -> bytes:
    fields: dict[str, Any] = {"algorithm": name} | ({"parameters": parameters} if parameters else {})
    encoded: bytes = algos.SignedDigestAlgorithm(fields).dump()
    return encoded


def _pss(digest: str = "sha256", mgf: str = "sha256", salt: int = 32) -> bytes:
    mask = {"algorithm": "mgf1", "parameters": {"algorithm": mgf}}
    parameters = {"hash_algorithm": {"algorithm": digest}, "mask_gen_algorithm": mask, "salt_length": salt}
    return _signature("rsassa_pss", parameters)


@pytest.mark.parametrize(
    "changes",
    [
        {"digest_algorithm": _digest("md5")},
        {"digest_algorithm": _digest("sha512"), "signature_algorithm": _signature("sha256_rsa")},
        {"signature_algorithm": _signature("md5_rsa")},
        {"signature_algorithm": _signature("sha256_dsa")},
        {"signature_algorithm": _signature("ed25519")},
        {"signature_algorithm": _pss(digest="sha512")},
        {"signature_algorithm": _pss(mgf="md5")},
        {"signature_algorithm": _pss(salt=10**9)},
    ],
)
def test_algorithms_we_do_not_check(changes: dict[str, bytes]) -> None:
    found = one(_rebuilt("rsa-2048", **changes))
    assert (found.integrity, code(found)) == (UNREADABLE, "ALGORITHM_UNSUPPORTED")


@pytest.mark.parametrize("algorithm", [_signature("sha256_ecdsa"), _pss()])
def test_algorithm_that_is_not_of_the_key(algorithm: bytes) -> None:
    assert one(_rebuilt(signature_algorithm=algorithm)).integrity is BROKEN
    assert one(_rebuilt("p256", signature_algorithm=_signature("sha256_rsa"))).integrity is BROKEN


def test_both_values_of_ecdsa_have_one_canonical_form() -> None:
    """(r, n - s) is as valid as (r, s): a replay must not look new."""
    data = cms_writer.write(TEXT, [jan("p256")], ATTACHED)
    value = asn1.ContentInfo.load(data)["content"]["signer_infos"][0]["signature"].native
    r, s = decode_dss_signature(value)
    other = encode_dss_signature(r, ec.SECP256R1.group_order - s)
    assert one(data).signature_value in (value, other)
    twin = one(_rebuilt("p256", signature=octets(other), **_signed_fields(data)))
    assert (twin.integrity, twin.signature_value) == (OK, one(data).signature_value)


def test_timestamp_of_another_signature() -> None:
    token = cms_writer.timestamp(b"another value", pki().tsa, signing_time(pki()))
    kind = asn1.CMSAttributeType("signature_time_stamp_token").dump()
    stamp = element(0x30, kind + element(0x31, token))
    found = one(_rebuilt(unsigned_attrs=element(0xA1, stamp)))
    assert (found.level, found.stamps, found.flags) == ("B-B", (), ("timestamp_mismatch",))


def test_too_many_signers() -> None:
    data = cms_writer.write(TEXT, [jan("p256")] * 17, ATTACHED)
    assert code(one(data)) == "TOO_LARGE"


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x80", b"MII", b"x", b"\xff" * 100, "ąę".encode(), b"0" * 2**20])
def test_no_cms(data: bytes) -> None:
    assert one(data, TEXT).integrity is UNREADABLE
    assert one(data).integrity is UNREADABLE


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x80" + b"\x05\x00" * 5_000_000,
        b"\x30\x80" * 1_000_000,
        element(0x30, b"\x05\x00" * 5_000_000),
        b"\x3f" + b"\xff" * 5_000_000,
        b"-----BEGIN CMS-----" * 200_000,
        b"A" * 10_000_000 + b"-",
    ],
)
def test_bombs_end_soon(data: bytes) -> None:
    assert one(data).integrity is UNREADABLE


# -------------------------------------------------------------------------------------------- properties


@settings(max_examples=examples(300), deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 255))
def test_no_changed_octet_changes_the_content_or_the_signer(place: int, change: int) -> None:
    data = _sample()
    at = place % len(data)
    for found in cades.verify(data[:at] + bytes([data[at] ^ change]) + data[at + 1 :], None):
        assert found.integrity is not OK or (found.payload, found.certificate) == (TEXT, jan().der)


@cache
def _sample() -> bytes:
    return cms_writer.write(TEXT, [jan()], ATTACHED)


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.integers(1, 255))
def test_no_changed_octet_of_the_content_stays_intact(at: int, change: int) -> None:
    changed = TEXT[:at] + bytes([TEXT[at] ^ change]) + TEXT[at + 1 :]
    for style, content in ((CmsStyle(), changed), (ATTACHED, None)):
        data = _sample().replace(TEXT, changed) if content is None else _detached()
        assert one(data, content).integrity is BROKEN, style


@cache
def _detached() -> bytes:
    return cms_writer.write(TEXT, [jan()], CmsStyle())


@settings(max_examples=examples(200), deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\x30\x80", b"\x30\x82\x01\x00", b"-----BEGIN CMS-----\n", b"MIIB"])
)
def test_any_bytes_give_evidence(data: bytes, head: bytes) -> None:
    assert one(head + data, TEXT).integrity is UNREADABLE


# --------------------------------------------------------------------------------------------------- BER


def test_definite_der_stays_the_same() -> None:
    data = _sample()
    assert ber.definite(data) == (data, len(data))
    assert ber.definite(data + b"more") == (data, len(data))


def test_indefinite_becomes_the_der_it_was() -> None:
    data = _sample()
    written = indefinite(data)
    assert written != data
    assert ber.definite(written + b"\0\0") == (data, len(written))


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_constructed_octet_strings_are_joined(parts: list[bytes]) -> None:
    body = b"".join(map(octets, parts))
    for written in (b"\x24\x80" + body + b"\0\0", element(0x24, body), element(0x24, element(0x24, body))):
        assert ber.definite(written)[0] == octets(b"".join(parts))


@given(st.binary(max_size=200))
@example(b"\x24\x80\x02\x01\x05\0\0")
@example(b"\x04\x80\0\0")
@example(b"\x30\x89" + b"\0" * 20)
@example(b"\x30\x03\x04\x02\x00")
def test_ber_of_any_bytes(data: bytes) -> None:
    try:
        encoded, size = ber.definite(data)
    except ValueError:
        return
    assert size <= len(data)
    assert ber.definite(encoded) == (encoded, len(encoded))


@given(st.lists(st.binary(max_size=40)))
def test_set_of_is_sorted(values: list[bytes]) -> None:
    assert ber.set_of(b"".join(map(octets, values))) == element(0x31, b"".join(sorted(map(octets, values))))


# ------------------------------------------------------------------------------------------------ oracle


OPENSSL_DIFFERS = {name for name in cms.RSA_SHAPES if name.endswith("no-null")} | {"trailing-bytes"}
"""openssl refuses DigestInfo without NULL (procedure §7, 1) and does not mind octets behind the structure."""
ORACLE = {**cms.SHAPES, **cms.RSA_SHAPES, **cms.TAMPERED}


@pytest.mark.parametrize("name", [name for name in ORACLE if name not in ("depth-bomb", "no-signers")])
def test_openssl_agrees(name: str, tmp_path: Path) -> None:
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("openssl is not installed: a second opinion, not a need")
    data, content = ORACLE[name](pki(), jan(), TEXT)
    file = tmp_path / "x"
    file.write_bytes(data.replace(b"PKCS7-", b"CMS-"))
    command = [tool, "cms", "-verify", "-noverify", "-binary", "-in", str(file), "-out", str(tmp_path / "out")]
    command += ["-cades"] if name == "certificate-not-named" else []
    command += ["-inform", "PEM" if data.startswith(b"-----") else "DER"]
    if content is not None:
        (tmp_path / "content").write_bytes(content)
        command += ["-content", str(tmp_path / "content")]
    agreed = subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    found = cades.verify(data, content)
    ours = all(evidence.integrity is OK and evidence.scope is Scope.FULL for evidence in found)
    assert ours == (agreed if name not in OPENSSL_DIFFERS else not agreed)
    if agreed and name != "trailing-bytes":
        assert hashlib.sha256((tmp_path / "out").read_bytes()).digest() == hashlib.sha256(TEXT).digest()
