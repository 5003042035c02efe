"""What counts on a trusted list, beside pyHanko's reader, which needs ten times as long and 30 MB more."""

from __future__ import annotations

import base64
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asn1crypto.x509
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from pyhanko.sign.validation.qualified import eutl_parse
from pyhanko.sign.validation.qualified.tsp import QcCertType, QTSTServiceInformation
from xsdata.formats.dataclass.context import XmlContext

from fixtures.signing import certificates
from fixtures.signing.certificates import Profile, issue
from fixtures.signing.keys import private_key
from fixtures.signing.pki import NOW, Pki
from mailbot.signatures.trust import lists, services
from mailbot.signatures.trust.anchors import Anchor, Role
from tests import trusted_lists as etsi
from tests.trusted_lists import Edition, Service, list_of_lists, list_signer, polish_list, qualification, unsigned

PKI = Pki()
CERTIFICATES = [PKI.authority(label).certificate for label in ("qualified", "seal", "silent", "customs", "personal")]
QUALIFIED = CERTIFICATES[0]
EU, PL = list_signer("EU"), list_signer("PL")
BIT = '<q:KeyUsage><q:KeyUsageBit name="{}">{}</q:KeyUsageBit></q:KeyUsage>'
XADES, MORE = "http://uri.etsi.org/01903/v1.3.2#", "http://uri.etsi.org/02231/v2/additionaltypes#"
NEVER = '<q:CriteriaList assert="none">{}</q:CriteriaList>'.format(BIT.format("digitalSignature", "true"))
EXPIRED = f"<ExpiredCertsRevocationInfo>{NOW:%Y-%m-%dT%H:%M:%SZ}</ExpiredCertsRevocationInfo>"


def read(*listed: Service, text: str = "") -> tuple[tuple[Anchor, ...], tuple[str, ...]]:
    return services.read(etree.fromstring(text or unsigned(Edition(services=listed))), "pl.xml")


@pytest.fixture(scope="module", autouse=True)
def one_context() -> Iterator[None]:
    """For each list pyHanko lets xsdata look at every class of the process anew; a process of tests has many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eutl_parse, "XmlParser", partial(eutl_parse.XmlParser, context=XmlContext()))
        yield


# ------------------------------------------------------------------------------------------------- beside pyHanko


def by_pyhanko(text: str) -> tuple[set[Any], int]:
    """(certificate, roles, service, since, until, qualifiers) of each period, and how many faults."""
    registry, errors = eutl_parse.trust_list_to_registry_unsafe(text)
    found: set[Any] = set()
    for authority in registry.known_certificate_authorities | registry.known_timestamp_authorities:  # type: ignore[operator]
        for one in registry.applicable_service_definitions(authority, None):
            base, stamps = one.base_info, isinstance(one, QTSTServiceInformation)
            purposes = base.additional_info_certificate_type
            seals = purposes and QcCertType.QC_ESIGN not in purposes
            roles = {Role.TSA} if stamps else {Role.SEAL_CA} if seals else {Role.SEAL_CA, Role.QUALIFIED_CA}
            told = frozenset(frozenset(q.value for q in each.qualifiers) for each in one.qualifications)
            period = (base.service_name, base.valid_from, base.valid_until)
            found.add((authority.certificate.dump(), frozenset(roles), *period, told))
    return found, len(errors)


def by_us(text: str) -> tuple[set[Any], int]:
    anchors, problems = read(text=text)
    told = [frozenset(each.qualifiers for each in one.qualifications) for one in anchors]
    periods = [(a.certificate, a.roles, a.service, a.since, a.until) for a in anchors]
    return {(*period, each) for period, each in zip(periods, told, strict=True)}, len(problems)


def invented(rng: random.Random) -> Service:
    status, purposes = (
        [etsi.GRANTED, etsi.GRANTED, etsi.WITHDRAWN],
        [etsi.FOR_SIGNATURES, etsi.FOR_SEALS, "https://a.example/unknown"],
    )
    days = rng.sample(range(300, 3_000), rng.randrange(5))
    qualifier = rng.choice(["", "", "NotQualified", "QCForESeal"])  # of two such extensions pyHanko takes the last
    more = ["", qualification(NEVER, critical="true"), f"<Extension>{EXPIRED}</Extension>"]
    return Service(
        CERTIFICATES[rng.randrange(len(CERTIFICATES))],
        title=f"CK {rng.randrange(5)}",
        status=rng.choice(status),
        history=tuple((rng.choice(status), NOW - timedelta(days=day)) for day in days),
        purposes=tuple(rng.sample(purposes, rng.randrange(4))),
        kind=rng.choice([etsi.CA_QC, etsi.CA_QC, etsi.QTST, etsi.OTHER_SERVICE]),
        qualifier=qualifier,
        extensions="" if qualifier else rng.choice(more),
    )


@pytest.mark.parametrize("seed", range(20))
def test_the_anchors_are_those_of_pyhanko(seed: int) -> None:
    rng = random.Random(seed)
    text = unsigned(Edition(services=tuple(invented(rng) for _ in range(12))))
    assert by_us(text) == by_pyhanko(text)
    assert len(by_us(text)[0]) > 5


FAULTS = {
    "critical, unknown": '<Extension Critical="true"><x:TakenOverBy/></Extension>',
    "critical, of other services": '<Extension Critical="true"><a xmlns="urn:a"/></Extension>',
    "no criteria": qualification('<q:CriteriaList assert="all"/>'),
    "criteria without how": qualification("<q:CriteriaList>{}</q:CriteriaList>".format(BIT.format("keyCertSign", "1"))),
    "an unknown criterion": qualification(
        '<q:CriteriaList assert="all"><q:otherCriteriaList><x:MimeType/></q:otherCriteriaList></q:CriteriaList>'
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", [etsi.CA_QC, etsi.QTST])
def test_a_service_that_is_not_understood_is_left_out_and_told(fault: str, kind: str) -> None:
    broken = Service(CERTIFICATES[1], kind=kind, extensions=FAULTS[fault])
    text = unsigned(Edition(services=(broken, Service(QUALIFIED))))
    assert by_us(text) == by_pyhanko(text)
    anchors, (problem,) = read(text=text)
    assert [one.certificate for one in anchors] == [QUALIFIED.public_bytes(Encoding.DER)]
    assert problem.startswith("pl.xml: a service is left out (")


def test_the_list_of_lists_is_read_as_by_pyhanko() -> None:
    text = list_of_lists(EU, PL, others=(("DE", list_signer("DE")), ("EL", list_signer("EL"))))
    pointers = lists.read_lotl(text, [EU.der], NOW).pointers
    theirs = eutl_parse.parse_lotl_unsafe(text.decode()).references
    assert [(one.territory, one.location_uri, [c.dump() for c in one.tlso_certs]) for one in theirs] == [
        (territory, one.url, list(one.signers)) for territory, found in pointers.items() for one in found
    ]


def test_the_bundled_signers_are_those_of_pyhanko() -> None:
    assert list(lists.bundled_signers()) == [one.dump() for one in eutl_parse.latest_known_lotl_tlso_certs()]


# ---------------------------------------------------------------------------------------- otherwise than pyHanko


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (">MII", ">!MII"),
        (">MII", ">QUJD"),
        ("T00:00:00Z</StatusStartingTime>", "</StatusStartingTime>"),
        ("<StatusStartingTime>", "<StatusStartingTime>about "),
    ],
    ids=["no base64", "no certificate", "no offset", "no date"],
)
def test_one_broken_service_does_not_break_the_list(old: str, new: str) -> None:
    start = NOW.replace(hour=0, minute=0, second=0)
    text = unsigned(Edition(services=tuple(Service(one, since=start) for one in CERTIFICATES[:2])))
    good, bad = text.split("</TSPService>", 1)
    assert old in bad
    anchors, (problem,) = read(text=f"{good}</TSPService>{bad.replace(old, new, 1)}")
    assert [one.certificate for one in anchors] == [QUALIFIED.public_bytes(Encoding.DER)]
    assert "a service is left out" in problem


def test_nor_does_a_certificate_of_another_version() -> None:
    """Which its library tells by an exception of its own."""
    octets = CERTIFICATES[1].public_bytes(Encoding.DER)
    other = octets.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020105"), 1)
    text = unsigned(Edition(services=tuple(map(Service, CERTIFICATES[:2]))))
    written, changed = (base64.b64encode(one).decode() for one in (octets, other))
    assert written in text
    anchors, (problem,) = read(text=text.replace(written, changed))
    assert [one.certificate for one in anchors] == [QUALIFIED.public_bytes(Encoding.DER)]
    assert "a service is left out" in problem


def test_certificates_with_one_name_and_key_are_anchors_each() -> None:
    """A CA that was certified anew: pyHanko knows the first certificate alone."""
    key = private_key("list/renewed")
    profile = Profile(certificates.name(CN="CK"), is_ca=True)
    renewed = [issue(profile, key, NOW + timedelta(days=day), None, key) for day in (0, 1)]
    anchors, _ = read(*map(Service, renewed))
    assert [one.certificate for one in anchors] == [one.public_bytes(Encoding.DER) for one in renewed]


def test_the_anchors_have_the_order_of_the_list() -> None:
    """So two processes name the same snapshot."""
    listed = polish_list(PL, Edition(services=tuple(map(Service, CERTIFICATES))))
    found = lists.read_trusted_list(listed, [PL.der], NOW, "pl.xml")
    assert [one.certificate for one in found.anchors] == [one.public_bytes(Encoding.DER) for one in CERTIFICATES]


def test_a_certificate_on_the_list_keeps_its_octets() -> None:
    """Whatever its length: asn1crypto would write anew what has one ending in 0x80."""
    key, seen = private_key("list/lengths", "p256"), set()  # a signature costs a tenth of that of RSA
    for more in range(100 * 256):  # serial numbers and signatures are random, and so are the lengths by a little
        size = more % 256
        made = issue(Profile(certificates.name(CN="A" * (size % 60), O="B" * (size // 5))), key, NOW, None, key)
        der = made.public_bytes(Encoding.DER)
        seen.add(der[3])
        if der[3] == 0x80:
            anchors, _ = read(Service(made))
            assert [one.certificate for one in anchors] == [der]
            return
    pytest.fail("no certificate had the length that this test is about")


# ------------------------------------------------------------------------------------------------------- criteria


def oids(name: str, *found: str) -> str:
    """``name`` with its prefix."""
    return "".join(
        f'<{name} xmlns:m="{MORE}"><i:Identifier xmlns:i="{XADES}">{oid}</i:Identifier></{name}>' for oid in found
    )


def policies(*found: str) -> str:
    return f"<q:PolicySet>{oids('q:PolicyIdentifier', *found)}</q:PolicySet>"


def other(element: str, name: str, *found: str) -> str:
    inner = oids(f"m:{name}", *found)
    return f'<q:otherCriteriaList><m:{element} xmlns:m="{MORE}">{inner}</m:{element}></q:otherCriteriaList>'


def how(combined: str, *parts: str) -> str:
    return f'<q:CriteriaList assert="{combined}">{"".join(parts)}</q:CriteriaList>'


YES, NO = BIT.format("nonRepudiation", "true"), BIT.format("keyCertSign", "true")
NAMED, STAMPS, POLICY = "2.5.4.42", "1.3.6.1.5.5.7.3.8", "0.4.0.194112.1.2"


@pytest.mark.parametrize(
    ("criteria", "person", "stamper"),
    [
        (how("all", YES), True, False),
        (how("all", YES, NO), False, False),
        (how("atLeastOne", YES, NO), True, False),
        (how("none", NO), True, True),
        (how("all", how("none", YES), BIT.format("digitalSignature", "1")), False, True),
        (how("all", BIT.format("keyCertSign", "false")), True, True),  # pyHanko: only beside one that is true
        (how("all", (YES + NO).replace("</q:KeyUsage><q:KeyUsage>", "")), False, False),  # pyHanko: one is enough
        (how("all", policies(POLICY)), True, False),
        (how("all", policies(f"urn:oid:{POLICY}")), True, False),
        (how("all", policies(POLICY, "1.2.3")), False, False),
        (how("all", other("CertSubjectDNAttribute", "AttributeOID", NAMED)), True, False),
        (how("all", other("CertSubjectDNAttribute", "AttributeOID", NAMED, "1.2.3")), False, False),
        (how("all", other("ExtendedKeyUsage", "KeyPurposeId", STAMPS)), False, True),
        (how("all", other("ExtendedKeyUsage", "KeyPurposeId", STAMPS, "1.2.3")), False, False),
    ],
)
def test_whom_a_qualifier_holds_for(criteria: str, person: bool, stamper: bool) -> None:
    """ETSI TS 119 612 §5.5.9.2: all that an element names must be there."""
    (anchor,), problems = read(Service(QUALIFIED, extensions=qualification(criteria)))
    assert problems == ()
    citizen = PKI.person()
    assert asn1crypto.x509.Certificate.load(citizen.der).certificate_policies_value is not None
    assert (bool(anchor.qualifiers(citizen.der)), bool(anchor.qualifiers(PKI.tsa.der))) == (person, stamper)


def test_no_library_for_the_whole_of_a_list_is_loaded(tmp_path: Path) -> None:
    """It would be a third of the memory of the process that verifies."""
    (tmp_path / "lotl.xml").write_bytes(list_of_lists(EU, PL))
    (tmp_path / "pl.xml").write_bytes(
        polish_list(PL, Edition(services=(Service(QUALIFIED, qualifier="NotQualified"),)))
    )
    anchors = tmp_path / "anchors" / "lotl"
    anchors.mkdir(parents=True)
    (anchors / "eu.pem").write_bytes(EU.pem)
    code = (
        "import sys; from pathlib import Path; from mailbot.signatures import verify;"
        "from mailbot.signatures.trust import store;"
        f"(anchor,) = store.load(Path({str(tmp_path)!r})).anchors; anchor.qualifiers(anchor.certificate);"
        "print([name for name in ('xsdata', 'pyhanko.generated', 'pyhanko.sign.validation') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
