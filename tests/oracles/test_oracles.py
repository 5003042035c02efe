"""Second opinions on every shape and every attack: where another verifier differs from us, the table says why.

An oracle is asked for the arithmetic only, so it is compared with "the signature is right and covers the whole file";
whom to trust is the matter of the policy. A difference that is not in the table fails; one that is gone does not: other
versions of an oracle may know more.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fixtures.signing import cms, pdf, xades
from fixtures.signing.pki import Pki
from fixtures.signing.xades import Shape, Signed
from mailbot.signatures import verify
from mailbot.signatures.report import Integrity, Scope
from tests import oracles

TEXT = b"Wniosek. login jan@stary.example, nowy jan@nowy.example\n"
PKI = Pki()
GROUPS = ("SHAPES", "RSA_SHAPES", "WEAK", "TAMPERED", "MISLEADING", "DOUBTFUL")


def _cases(module: Any) -> dict[str, Shape]:
    """``group/name`` → shape. The bombs are left out: an oracle may go off."""
    groups: dict[str, dict[str, Shape]] = {group: getattr(module, group, {}) for group in GROUPS}
    return {f"{group}/{name}": shape for group, shapes in groups.items() for name, shape in shapes.items()}


XADES = {name: shape for name, shape in _cases(xades).items() if "bomb" not in name}
CADES = {name: shape for name, shape in _cases(cms).items() if "bomb" not in name}
PADES = _cases(pdf)

NO_NULL_XML = """
    SHAPES/pz-new SHAPES/pz-old SHAPES/pz-old-account-inside SHAPES/pz-old-seal SHAPES/pz-podpisany-plik
    SHAPES/pz-enveloping RSA_SHAPES/enveloped-no-null TAMPERED/seal-impostor"""
DIFFERENT: dict[str, dict[str, str]] = {
    "xmlsec1": {
        "it refuses RSA without NULL in DigestInfo, which the Minister's seal writes (procedure §7, 1)": NO_NULL_XML,
        "it cannot be told which file a detached signature is about": "SHAPES/detached SHAPES/detached-full-path",
        "before 1.3 it knows no RSA-PSS": "RSA_SHAPES/enveloped-pss",
        "it takes the first certificate, we the signed one": "MISLEADING/certificate-prepended",
        "it does not ask which certificate is signed": "TAMPERED/certificate-same-key",
        "it does not ask what is signed: the document need not be": """
            TAMPERED/wrapped-sibling TAMPERED/wrapped-sibling-outside TAMPERED/properties-only
            TAMPERED/manifest-only""",
        "it evaluates any XPath and XSLT, also one that leaves nothing of the document": """
            TAMPERED/xpath-false TAMPERED/filter2-intersect TAMPERED/filter2-subtract-all TAMPERED/xslt""",
        "it reads local files that a reference names": "TAMPERED/external-file",
        "it checks the first signature only": "TAMPERED/two-signatures",
        "it lets a DTD pass": "TAMPERED/doctype-harmless",
    },
    "signxml": {
        "it refuses RSA without NULL in DigestInfo": NO_NULL_XML,
        "it ignores the transforms XPath and filter 2.0 (procedure §7, 4)": """
            SHAPES/enveloped-xpath SHAPES/enveloped-xpath-exc SHAPES/enveloped-filter2 SHAPES/podpisany-plik
            SHAPES/pz-new-null SHAPES/pz-podpisany-plik-null MISLEADING/role-own-claim""",
        "it digests no processing instructions beside the root": "SHAPES/enveloped-bom-pi",
        "lxml undeclares the default namespace of a subtree; xmlsec1 does not": "SHAPES/enveloped-default-namespace",
        "it refuses SHA-1 itself, we leave that to the policy": "WEAK/sha1 WEAK/sha1-enveloping",
        "it was given the first certificate, we take the signed one": "MISLEADING/certificate-prepended",
        "it does not ask which certificate is signed": "TAMPERED/certificate-same-key",
        "it does not ask what is signed: the document need not be": """
            TAMPERED/wrapped-sibling TAMPERED/wrapped-sibling-outside TAMPERED/properties-only TAMPERED/part-only
            TAMPERED/manifest-only""",
    },
    "java": {
        "it refuses SHA-1 itself, we leave that to the policy": "WEAK/sha1 WEAK/sha1-enveloping",
        "it was given the first certificate, we take the signed one": "MISLEADING/certificate-prepended",
        "it does not ask which certificate is signed": "TAMPERED/certificate-same-key",
        "it does not ask what is signed: the document need not be, nor be where it was": """
            TAMPERED/wrapped-object TAMPERED/wrapped-sibling TAMPERED/wrapped-sibling-outside TAMPERED/wrapped-key-info
            TAMPERED/wrapped-unsigned-properties TAMPERED/properties-only TAMPERED/part-only TAMPERED/manifest-only""",
        "it evaluates any XPath, also one that leaves nothing of the document": """
            TAMPERED/xpath-false TAMPERED/filter2-intersect TAMPERED/filter2-subtract-all""",
        "it does not mind what else is inside the signature, unsigned": "MISLEADING/role-unsigned",
    },
    "openssl": {
        "it refuses RSA without NULL in DigestInfo": "RSA_SHAPES/attached-no-null RSA_SHAPES/detached-no-null",
        "without a chain it cannot ask which certificate is signed": "TAMPERED/certificate-not-named",
        "it does not mind octets behind the structure": "TAMPERED/trailing-bytes",
    },
    "pdfsig": {
        "it refuses RSA without NULL in DigestInfo, so every real podpis zaufany (procedure §7, 1)": """
            SHAPES/pz SHAPES/pz-classic SHAPES/pz-der SHAPES/pz-old-seal RSA_SHAPES/pades-no-null
            TAMPERED/seal-impostor TAMPERED/seal-company""",
        "it accepts what was added after signing (it only says: not the total document)": """
            TAMPERED/trailing-bytes TAMPERED/update-content TAMPERED/update-page
            TAMPERED/update-annotation TAMPERED/form-field TAMPERED/revisions""",
        "it does not mind several signers; whose application is it?": "TAMPERED/two-signers TAMPERED/two-signer-infos",
        "it does not ask which certificate is signed": "TAMPERED/certificate-not-named",
        "it reads adbe.pkcs7.sha1, which rests on SHA-1": "TAMPERED/sub-filter-unknown",
    },
}
"""Oracle → reason → cases in which it says the contrary of what we say."""


RIGHT = {
    "xades": "TAMPERED/seal-impostor",
    "cades": "TAMPERED/two-signers TAMPERED/two-signers-detached",
    "pades": "TAMPERED/seal-impostor TAMPERED/seal-company TAMPERED/timestamp-fake",
}
"""Attacks whose arithmetic is right; the policy refuses them."""
WRONG = {"xades": "MISLEADING/role-unsigned", "cades": "", "pades": ""}
"""Neither shape nor attack, and not wholly covered by the signature."""


@cache
def signed(family: str, name: str) -> Signed:
    return {"xades": XADES, "cades": CADES, "pades": PADES}[family][name](PKI, PKI.person(), TEXT)


def ours(case: Signed) -> bool:
    """Every signature is right and covers the whole file."""
    found = verify.examine(case.data, case.content)
    return all(evidence.integrity is Integrity.OK and evidence.scope is Scope.FULL for evidence in found)


def compare(oracle: str, name: str, says: bool, case: Signed) -> None:
    reasons = [reason for reason, names in DIFFERENT[oracle].items() if name in names.split()]
    assert says == ours(case) or reasons


def ask(tool: oracles.Tool, family: str, name: str, folder: Path) -> None:
    if tool.absent:
        pytest.skip(f"{tool.absent}: a second opinion, not a need")
    case = signed(family, name)
    compare(tool.name, name, tool.says(case, folder), case)


@pytest.mark.parametrize(
    ("family", "name"), [*(("xades", n) for n in XADES), *(("cades", n) for n in CADES), *(("pades", n) for n in PADES)]
)
def test_our_own_opinion(family: str, name: str) -> None:
    attack = name.startswith("TAMPERED/") or name in WRONG[family].split()
    assert ours(signed(family, name)) == (not attack or name in RIGHT[family].split())


@pytest.mark.parametrize("name", XADES)
def test_xmlsec1(name: str, tmp_path: Path) -> None:
    ask(oracles.XMLSEC1, "xades", name, tmp_path)


@pytest.mark.parametrize("name", CADES)
def test_openssl(name: str, tmp_path: Path) -> None:
    ask(oracles.OPENSSL, "cades", name, tmp_path)


@pytest.mark.parametrize("name", PADES)
def test_pdfsig(name: str, tmp_path: Path) -> None:
    ask(oracles.PDFSIG, "pades", name, tmp_path)


@pytest.mark.parametrize("name", XADES)
def test_signxml(name: str) -> None:
    case = signed("xades", name)
    compare("signxml", name, oracles.signxml_says(case), case)


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """Name → verdict; one process for all, it starts slowly."""
    if absent := oracles.java_absent():
        pytest.skip(f"{absent}: a second opinion, not a need")
    cases = [signed("xades", name) for name in XADES]
    answers = oracles.java_says(cases, tmp_path_factory.mktemp("java"))
    return {name: answer.valid for name, answer in zip(XADES, answers, strict=True)}


@pytest.mark.parametrize("name", XADES)
def test_java(name: str, java: dict[str, bool]) -> None:
    compare("java", name, java[name], signed("xades", name))


def test_table_names_cases_that_exist_and_each_once() -> None:
    known = {"xmlsec1": XADES, "signxml": XADES, "java": XADES, "openssl": CADES, "pdfsig": PADES}
    for oracle, reasons in DIFFERENT.items():
        listed = [name for names in reasons.values() for name in names.split()]
        assert len(set(listed)) == len(listed)
        assert set(listed) <= set(known[oracle])
