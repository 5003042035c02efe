"""Trusted lists as large as those of an office that takes signers of every state."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fixtures.signing import pki
from fixtures.signing.certificates import Profile, issue, name, qc_statements
from fixtures.signing.keys import private_key
from fixtures.signing.people import JAN
from fixtures.signing.pki import NOW, Signer
from tests.trusted_lists import (
    CA_QC,
    FOR_SIGNATURES,
    GRANTED,
    QTST,
    Edition,
    Service,
    list_of_lists,
    list_signer,
    polish_list,
)

SERVICES = {"PL": 70, "ES": 500, "IT": 450, "DE": 250, "FR": 300, "HU": 200}
"""Each with two periods before the one of now, so that Spain has 1,500 anchors and 5 MB."""
_OTHERS = [
    "AT",
    "BE",
    "BG",
    "CY",
    "CZ",
    "DE",
    "DK",
    "EE",
    "EL",
    "ES",
    "FI",
    "FR",
    "HR",
    "HU",
    "IE",
    "IS",
    "IT",
    "LI",
    "LT",
    "LU",
    "LV",
    "MT",
    "NL",
    "NO",
    "PT",
    "RO",
    "SE",
    "SI",
    "SK",
]
_FEW = 60
_KEY = private_key("lists/ca", "rsa-3072")


def write(folder: Path) -> None:
    """List of lists, the Polish one and those of 29 states, beside what lies in ``folder``."""
    by, eu = {state: list_signer(state) for state in ("PL", *_OTHERS)}, list_signer("EU")
    others = tuple((state, by[state]) for state in _OTHERS)
    files = {"anchors/lotl/eu.pem": eu.pem, "lotl.xml": list_of_lists(eu, by["PL"], others=others)}
    for state, signer in by.items():
        edition = Edition(territory=state, services=_services(state))
        files["pl.xml" if state == "PL" else f"lists/{state}.xml"] = polish_list(signer, edition)
    for file, data in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(data)


def stranger(state: str) -> Signer:
    """Anybody may write a state into a certificate of his own: its list is read for nothing."""
    key = private_key(f"foreign/{state}")
    authority = issue(Profile(name(C=state, CN="CA"), is_ca=True), key, NOW, None, key)
    profile = Profile(name(C=state, SER="PNO-1", SN="Nowak", GN="Jan", CN="Jan Nowak"), qc=qc_statements())
    person = private_key("foreign/person")
    return Signer(JAN, issue(profile, person, NOW, authority, key), person)


def _services(state: str) -> tuple[Service, ...]:
    known = (pki.Pki().authority("qualified").certificate,) if state == "PL" else ()
    made = [
        issue(Profile(name(C=state, O="Dostawca", CN=f"CA {n}"), is_ca=True), _KEY, NOW, None, _KEY)
        for n in range(SERVICES.get(state, _FEW))
    ]
    return tuple(
        Service(
            one,
            title=f"Usługa {n} " + 100 * "x",
            history=tuple((GRANTED, NOW - timedelta(days=days)) for days in (1_500, 2_500)),
            purposes=(FOR_SIGNATURES,),
            kind=QTST if n % 4 == 3 else CA_QC,
            qualifier="QCForESig" if n % 3 == 0 else "",
        )
        for n, one in enumerate((*known, *made))
    )
