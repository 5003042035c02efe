"""The signature value of CMS: RSA PKCS#1 v1.5, RSA-PSS and ECDSA over a digest (RFC 3370, RFC 4056, RFC 5753)."""

from __future__ import annotations

from dataclasses import dataclass

from asn1crypto import algos
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature

from mailbot.signatures import pkcs1

HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303  verified so that the policy can name it and refuse it
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha3_256": hashes.SHA3_256(),
    "sha3_384": hashes.SHA3_384(),
    "sha3_512": hashes.SHA3_512(),
}
"""By the name that asn1crypto and hashlib share."""

_KEY_ALGORITHMS = {"rsassa_pkcs1v15": "rsassa_pkcs1v15", "1.2.840.10045.2.1": "ecdsa"}
"""rsaEncryption (RFC 3370 §3.2) and id-ecPublicKey: the hash is that of digestAlgorithm."""
_RSA_SHA3 = {
    f"2.16.840.1.101.3.4.3.{last}": name for last, name in ((14, "sha3_256"), (15, "sha3_384"), (16, "sha3_512"))
}
"""id-rsassa-pkcs1-v1_5-with-sha3-* (RFC 9688 §3), which asn1crypto does not name."""

Key = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class Unsupported(ValueError):
    """An algorithm this verifier does not know: a person must look, the signature may well be good."""


def load_key(public_key_info: bytes) -> Key:
    """Public key of a SubjectPublicKeyInfo (DER). Raises Unsupported for anything but RSA and named curves."""
    try:
        key = serialization.load_der_public_key(public_key_info)
    except Exception as error:
        raise Unsupported(f"public key: {error}") from error
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key
    raise Unsupported(f"public key: {type(key).__name__}")


def key_name(key: Key) -> str:
    """The key as ``Evidence.algorithms`` names it: "rsa-2048", "ecdsa-p256", "ecdsa-brainpoolp256r1"."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"rsa-{key.key_size}"
    name = key.curve.name.lower()
    return "ecdsa-" + (f"p{key.key_size}" if name.startswith("secp") and name.endswith("r1") else name)


def canonical(key: Key, value: bytes) -> bytes:
    """The form of a signature value to look replays up by: in ECDSA (r, s) and (r, n - s) are both valid."""
    if isinstance(key, rsa.RSAPublicKey):
        return value
    r, s = decode_dss_signature(value)
    return encode_dss_signature(r, min(s, key.curve.group_order - s))


@dataclass(frozen=True, slots=True)
class Algorithm:
    """How the value was made."""

    scheme: str
    """"rsassa_pkcs1v15", "rsassa_pss" or "ecdsa"."""
    digest: str
    """Hash of what is signed."""
    mgf: str | None = None
    """RSA-PSS only: hash of MGF1."""
    salt: int = 0
    """RSA-PSS only: length in octets."""

    @property
    def names(self) -> tuple[str, ...]:
        """For ``Evidence.algorithms``."""
        pss = ("rsa-pss",) if self.scheme == "rsassa_pss" else ()
        named = (self.digest, *pss, *((self.mgf,) if self.mgf and self.mgf != self.digest else ()))
        return tuple(name.replace("sha3_", "sha3-") for name in named)


def read_algorithm(identifier: algos.SignedDigestAlgorithm, digest: str) -> Algorithm:
    """Algorithm of a SignerInfo whose digestAlgorithm is ``digest``.

    Raises Unsupported when it is not known or names another hash: then the signer's software is not to be trusted to
    mean what it wrote.
    """
    name = identifier["algorithm"].native
    if name == "rsassa_pss":
        found = _pss(identifier["parameters"])
    elif name in _KEY_ALGORITHMS:
        found = Algorithm(_KEY_ALGORITHMS[name], digest)
    elif name in _RSA_SHA3:
        found = Algorithm("rsassa_pkcs1v15", _RSA_SHA3[name])
    else:
        hashed, _, scheme = name.rpartition("_")
        found = Algorithm({"rsa": "rsassa_pkcs1v15"}.get(scheme, scheme), hashed)
    if found.digest != digest or digest not in HASHES or found.scheme not in ("rsassa_pkcs1v15", "rsassa_pss", "ecdsa"):
        raise Unsupported(f"{name} with {digest}")
    return found


def _pss(parameters: algos.RSASSAPSSParams) -> Algorithm:
    """RSA-PSS and its parameters (RFC 4055 §3.1)."""
    mask = parameters["mask_gen_algorithm"]
    mgf, salt = mask["parameters"]["algorithm"].native, parameters["salt_length"].native
    trailer = parameters["trailer_field"].native
    if mask["algorithm"].native != "mgf1" or mgf not in HASHES or trailer != "trailer_field_bc" or not 0 <= salt <= 512:
        raise Unsupported("parameters of RSA-PSS")
    return Algorithm("rsassa_pss", parameters["hash_algorithm"]["algorithm"].native, mgf, salt)


def verify(key: Key, algorithm: Algorithm, hashed: bytes, value: bytes) -> tuple[str, ...]:
    """Flags for the report when ``value`` is the signature over ``hashed``, else InvalidSignature."""
    prehashed = Prehashed(HASHES[algorithm.digest])
    if isinstance(key, ec.EllipticCurvePublicKey):
        if algorithm.scheme != "ecdsa":
            raise InvalidSignature
        key.verify(value, hashed, ec.ECDSA(prehashed))
        return ()
    if algorithm.scheme == "rsassa_pss" and algorithm.mgf:
        key.verify(value, hashed, padding.PSS(padding.MGF1(HASHES[algorithm.mgf]), algorithm.salt), prehashed)
        return ()
    if algorithm.scheme != "rsassa_pkcs1v15":
        raise InvalidSignature
    return pkcs1.verify(key, value, algorithm.digest, hashed)
