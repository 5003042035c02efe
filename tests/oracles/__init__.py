"""Other people's verifiers, for a second opinion: is a signature mathematically right? None of them asks whom to trust.

Each believes the certificate inside the file. None is needed: what is not installed says so.
"""

from __future__ import annotations

import base64
import binascii
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from fixtures.signing.xades import Signed

Command = list[str]
SECONDS = 60
"""A tool that thinks longer about one file has not verified it."""
_CERTIFICATE = re.compile(rb"<(?:\w+:)?X509Certificate>([^<]+)<")
_IDS = (
    "http://uri.etsi.org/01903/v1.3.2#:SignedProperties",
    "http://www.w3.org/2000/09/xmldsig#:Object",
    "http://wniosek.example/haslo:Wniosek",
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A program of the command line."""

    name: str
    prepare: Callable[[Signed, Path], Command]
    """Writes the files into the folder and gives the command."""
    valid: Callable[[subprocess.CompletedProcess[bytes]], bool]

    @property
    def absent(self) -> str:
        """Why it cannot be asked; empty when it can."""
        return "" if shutil.which(self.name) else f"{self.name} is not on this machine"

    def says(self, signed: Signed, folder: Path) -> bool:
        """Its verdict."""
        command = self.prepare(signed, folder)
        try:
            return self.valid(subprocess.run(command, capture_output=True, timeout=SECONDS, check=False))
        except subprocess.TimeoutExpired:
            return False


def _xmlsec1(signed: Signed, folder: Path) -> Command:
    file = folder / "signed.xml"
    file.write_bytes(signed.data)
    ids = [argument for name in _IDS for argument in ("--id-attr:Id", name)]
    return ["xmlsec1", "--verify", "--insecure", *ids, str(file)]


def _openssl(signed: Signed, folder: Path) -> Command:
    file, content = folder / "signed.p7m", folder / "content"
    file.write_bytes(signed.data.replace(b"PKCS7-", b"CMS-"))
    form = "PEM" if signed.data.startswith(b"-----") else "DER"
    command = ["openssl", "cms", "-verify", "-noverify", "-binary", "-inform", form, "-in", str(file)]
    if signed.content is not None:
        content.write_bytes(signed.content)
        command += ["-content", str(content)]
    return [*command, "-out", str(folder / "out")]


def _pdfsig(signed: Signed, folder: Path) -> Command:
    file = folder / "signed.pdf"
    file.write_bytes(signed.data)
    return ["pdfsig", "-nocert", str(file)]


def _pdfsig_valid(done: subprocess.CompletedProcess[bytes]) -> bool:
    said = re.findall(rb"Signature Validation: ([^\n]*)", done.stdout)
    return bool(said) and all(words.startswith(b"Signature is Valid") for words in said)


XMLSEC1 = Tool("xmlsec1", _xmlsec1, lambda done: done.returncode == 0)
OPENSSL = Tool("openssl", _openssl, lambda done: done.returncode == 0)
PDFSIG = Tool("pdfsig", _pdfsig, _pdfsig_valid)


def certificate_in(data: bytes) -> bytes:
    """The first certificate (DER) that a signed XML names; empty when there is none."""
    found = _CERTIFICATE.search(data)
    try:
        return base64.b64decode(found[1]) if found else b""
    except binascii.Error:
        return b""


def signxml_says(signed: Signed) -> bool:
    """The verdict of signxml, in this process, with the first certificate of the file."""
    # an absent certificate would make it fall back to the roots of the system
    certificate = certificate_in(signed.data)
    if not certificate:
        return False
    pem = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(certificate).decode()}\n-----END CERTIFICATE-----\n"

    def beside(_: str) -> bytes | None:
        return signed.content

    settings = SignatureConfiguration(expect_references=True)
    try:
        XMLVerifier().verify(
            signed.data, x509_cert=pem, uri_resolver=beside if signed.content else None, expect_config=settings
        )
    except (SignXMLException, ValueError, SyntaxError, TypeError, KeyError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Answer:
    """What the JDK said of one file."""

    valid: bool
    milliseconds: float
    """Warm, without its start."""


def java_absent() -> str:
    """Why the JDK cannot be asked; empty when it can."""
    return "" if shutil.which("javac") and shutil.which("java") else "no JDK is on this machine"


def java_says(cases: Sequence[Signed], folder: Path, repeat: int = 1) -> list[Answer]:
    """The verdicts of the JDK's XML-DSig on all ``cases``, in one process."""
    arguments = []
    for number, signed in enumerate(cases):
        names = [folder / f"{number}.{suffix}" for suffix in ("xml", "der", "content")]
        for path, data in zip(names, (signed.data, certificate_in(signed.data), signed.content or b""), strict=True):
            path.write_bytes(data)
        arguments += [str(names[0]), str(names[1]), str(names[2]) if signed.content is not None else "-"]
    source = Path(__file__).with_name("XmlDsig.java")
    command = ["java", "-Xss8m", str(source), str(repeat), *arguments]
    done = subprocess.run(command, capture_output=True, timeout=5 * SECONDS, check=True)
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    return [Answer(words[0] == "valid", float(words[1])) for words in lines]
