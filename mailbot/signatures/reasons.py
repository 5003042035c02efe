"""Why a signature is not accepted: code → what to do, what ETSI calls it, and one Polish sentence for the operator.

The codes are stable: tickets and tests name them. Codes of the format modules come with their own sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mailbot.signatures.report import Indication, Reason, SubIndication, Verdict

_REJECT, _MANUAL = Verdict.REJECT, Verdict.MANUAL
_Sub = SubIndication


class Code(StrEnum):
    """Codes given by the policy."""

    UNSIGNED = "UNSIGNED"
    DETACHED_ONLY = "DETACHED_ONLY"
    ENCRYPTED = "ENCRYPTED"
    SIGNATURE_WRONG = "SIGNATURE_WRONG"
    SIGNATURE_UNREADABLE = "SIGNATURE_UNREADABLE"
    NOT_WHOLE_FILE = "NOT_WHOLE_FILE"
    ADDED_ON_THE_WAY = "ADDED_ON_THE_WAY"
    CHANGED_ON_THE_WAY = "CHANGED_ON_THE_WAY"
    SEVERAL_SIGNATURES = "SEVERAL_SIGNATURES"
    CERTIFICATE_MISSING = "CERTIFICATE_MISSING"
    CERTIFICATE_NOT_BOUND = "CERTIFICATE_NOT_BOUND"
    CERTIFICATE_FOREIGN = "CERTIFICATE_FOREIGN"
    CERTIFICATE_PURPOSE = "CERTIFICATE_PURPOSE"
    COMMITMENT = "COMMITMENT"
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    CERTIFICATE_NOT_YET_VALID = "CERTIFICATE_NOT_YET_VALID"
    CERTIFICATE_REVOKED = "CERTIFICATE_REVOKED"
    CERTIFICATE_REVOKED_LATER = "CERTIFICATE_REVOKED_LATER"
    CERTIFICATE_SUSPENDED = "CERTIFICATE_SUSPENDED"
    REVOCATION_UNKNOWN = "REVOCATION_UNKNOWN"
    REVOCATION_STALE = "REVOCATION_STALE"
    ISSUER_UNKNOWN = "ISSUER_UNKNOWN"
    ISSUER_NOT_GRANTED = "ISSUER_NOT_GRANTED"
    NOT_QUALIFIED = "NOT_QUALIFIED"
    NO_DEVICE = "NO_DEVICE"
    KIND_NOT_ACCEPTED = "KIND_NOT_ACCEPTED"
    TIMESTAMP_UNSURE = "TIMESTAMP_UNSURE"
    TIMESTAMP_ARCHIVE = "TIMESTAMP_ARCHIVE"
    TRUST_LIST_STALE = "TRUST_LIST_STALE"
    TRUST_EMPTY = "TRUST_EMPTY"
    DIGEST_WEAK = "DIGEST_WEAK"
    KEY_WEAK = "KEY_WEAK"
    ALGORITHM_UNKNOWN = "ALGORITHM_UNKNOWN"
    TIME_MISSING = "TIME_MISSING"
    TIME_IN_FUTURE = "TIME_IN_FUTURE"
    TIME_TOO_OLD = "TIME_TOO_OLD"
    IDENTITY_UNREADABLE = "IDENTITY_UNREADABLE"
    POLICY_ERROR = "POLICY_ERROR"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one code stands for."""

    verdict: Verdict
    sub_indication: SubIndication
    text_pl: str


MEANINGS: Mapping[Code, Meaning] = {
    Code.UNSIGNED: Meaning(_REJECT, _Sub.FORMAT_FAILURE, "Plik nie jest podpisany elektronicznie."),
    Code.DETACHED_ONLY: Meaning(
        _REJECT, _Sub.SIGNED_DATA_NOT_FOUND, "Jest sam podpis, brakuje pliku, który został podpisany."
    ),
    Code.ENCRYPTED: Meaning(_REJECT, _Sub.FORMAT_FAILURE, "Plik jest zaszyfrowany, nie można go odczytać."),
    Code.SIGNATURE_WRONG: Meaning(_REJECT, _Sub.SIG_CRYPTO_FAILURE, "Podpis nie zgadza się z treścią pliku."),
    Code.SIGNATURE_UNREADABLE: Meaning(
        _MANUAL, _Sub.FORMAT_FAILURE, "Nie udało się odczytać podpisu. Sprawdź plik w innym programie."
    ),
    Code.NOT_WHOLE_FILE: Meaning(_REJECT, _Sub.SIG_CONSTRAINTS_FAILURE, "Podpis nie obejmuje całej treści pliku."),
    Code.ADDED_ON_THE_WAY: Meaning(
        _MANUAL, _Sub.SIG_CONSTRAINTS_FAILURE, "Do podpisanego pliku coś dodano, być może po drodze. Obejrzyj plik."
    ),
    Code.CHANGED_ON_THE_WAY: Meaning(
        _MANUAL,
        _Sub.HASH_FAILURE,
        "Tekst nie zgadza się z podpisem, ale mógł się zmienić po drodze (końce wierszy). Poproś o wniosek w PDF.",
    ),
    Code.SEVERAL_SIGNATURES: Meaning(
        _MANUAL, _Sub.SIG_CONSTRAINTS_FAILURE, "Plik ma więcej niż jeden podpis. Sprawdź, czyj jest wniosek."
    ),
    Code.CERTIFICATE_MISSING: Meaning(
        _MANUAL, _Sub.NO_SIGNING_CERTIFICATE_FOUND, "W pliku nie ma certyfikatu osoby podpisującej."
    ),
    Code.CERTIFICATE_NOT_BOUND: Meaning(
        _MANUAL,
        _Sub.NO_SIGNING_CERTIFICATE_FOUND,
        "Podpis nie wskazuje swojego certyfikatu. Sprawdź, czy certyfikat w pliku należy do osoby podpisującej.",
    ),
    Code.CERTIFICATE_FOREIGN: Meaning(
        _MANUAL,
        _Sub.SIG_CONSTRAINTS_FAILURE,
        "Przy podpisie jest certyfikat innej osoby. Sprawdź, kto naprawdę podpisał wniosek.",
    ),
    Code.CERTIFICATE_PURPOSE: Meaning(
        _MANUAL,
        _Sub.CHAIN_CONSTRAINTS_FAILURE,
        "Certyfikat wystawiono do innego celu niż podpis osoby. Sprawdź, czyj jest podpis.",
    ),
    Code.COMMITMENT: Meaning(
        _MANUAL,
        _Sub.SIG_CONSTRAINTS_FAILURE,
        "Podpis może znaczyć co innego niż zgodę na treść, na przykład potwierdzenie odbioru. Sprawdź, po co"
        " go złożono.",
    ),
    Code.CERTIFICATE_EXPIRED: Meaning(
        _REJECT, _Sub.OUT_OF_BOUNDS_NO_POE, "Certyfikat stracił ważność, zanim plik do nas dotarł."
    ),
    Code.CERTIFICATE_NOT_YET_VALID: Meaning(
        _REJECT, _Sub.NOT_YET_VALID, "Certyfikat nie był jeszcze ważny, gdy plik do nas dotarł."
    ),
    Code.CERTIFICATE_REVOKED: Meaning(
        _REJECT, _Sub.REVOKED_NO_POE, "Certyfikat unieważniono, zanim plik do nas dotarł."
    ),
    Code.CERTIFICATE_REVOKED_LATER: Meaning(
        _MANUAL,
        _Sub.REVOKED_NO_POE,
        "Certyfikat unieważniono po złożeniu podpisu. Sprawdź, czy podpisała go właściwa osoba.",
    ),
    Code.CERTIFICATE_SUSPENDED: Meaning(
        _MANUAL, _Sub.TRY_LATER, "Certyfikat jest zawieszony. Poczekaj, aż wystawca go przywróci albo unieważni."
    ),
    Code.REVOCATION_UNKNOWN: Meaning(
        _MANUAL, _Sub.TRY_LATER, "Nie wiadomo, czy certyfikat unieważniono: brakuje listy CRL lub odpowiedzi OCSP."
    ),
    Code.REVOCATION_STALE: Meaning(
        _MANUAL, _Sub.TRY_LATER, "Lista CRL albo odpowiedź OCSP wystawcy jest zbyt stara. Pobierz nową."
    ),
    Code.ISSUER_UNKNOWN: Meaning(
        _REJECT, _Sub.NO_CERTIFICATE_CHAIN_FOUND, "Certyfikatu nie wystawił nikt, komu ufamy."
    ),
    Code.ISSUER_NOT_GRANTED: Meaning(
        _REJECT,
        _Sub.CHAIN_CONSTRAINTS_FAILURE,
        "Wystawca certyfikatu nie miał uprawnień w chwili, gdy plik do nas dotarł.",
    ),
    Code.NOT_QUALIFIED: Meaning(
        _REJECT, _Sub.CHAIN_CONSTRAINTS_FAILURE, "Certyfikat nie jest kwalifikowanym certyfikatem podpisu."
    ),
    Code.NO_DEVICE: Meaning(
        _MANUAL,
        _Sub.CHAIN_CONSTRAINTS_FAILURE,
        "Certyfikat jest kwalifikowany, ale nie mówi, że klucz jest na karcie albo w innym urządzeniu kwalifikowanym."
        " Bez tego podpis nie jest kwalifikowany.",
    ),
    Code.KIND_NOT_ACCEPTED: Meaning(
        _REJECT, _Sub.CHAIN_CONSTRAINTS_FAILURE, "Podpisu tego rodzaju nie przyjmujemy w tej procedurze."
    ),
    Code.TIMESTAMP_UNSURE: Meaning(
        _MANUAL,
        _Sub.TRY_LATER,
        "Podpis ma znacznik czasu, ale nie wiadomo na pewno, czy wystawcy znacznika można wierzyć. Sprawdź, kiedy"
        " złożono podpis.",
    ),
    Code.TIMESTAMP_ARCHIVE: Meaning(
        _MANUAL,
        _Sub.TRY_LATER,
        "Podpis ma archiwalny znacznik czasu, którego program nie sprawdza. Sprawdź w innym programie, kiedy złożono"
        " podpis.",
    ),
    Code.TRUST_LIST_STALE: Meaning(
        _MANUAL,
        _Sub.CERTIFICATE_CHAIN_GENERAL_FAILURE,
        "Lista zaufanych wystawców jest nieaktualna albo uszkodzona. Pobierz nową.",
    ),
    Code.TRUST_EMPTY: Meaning(
        _MANUAL, _Sub.CERTIFICATE_CHAIN_GENERAL_FAILURE, "Brakuje listy zaufanych wystawców. Pobierz ją."
    ),
    Code.DIGEST_WEAK: Meaning(
        _REJECT, _Sub.CRYPTO_CONSTRAINTS_FAILURE, "Podpis używa zbyt słabej funkcji skrótu (na przykład SHA-1)."
    ),
    Code.KEY_WEAK: Meaning(_REJECT, _Sub.CRYPTO_CONSTRAINTS_FAILURE, "Klucz podpisu jest zbyt krótki."),
    Code.ALGORITHM_UNKNOWN: Meaning(
        _MANUAL, _Sub.CRYPTO_CONSTRAINTS_FAILURE, "Podpis używa algorytmu, którego nie znamy."
    ),
    Code.TIME_MISSING: Meaning(_MANUAL, _Sub.SIG_CONSTRAINTS_FAILURE, "Podpis nie podaje, kiedy go złożono."),
    Code.TIME_IN_FUTURE: Meaning(
        _MANUAL, _Sub.SIG_CONSTRAINTS_FAILURE, "Podana data podpisu jest późniejsza niż data otrzymania pliku."
    ),
    Code.TIME_TOO_OLD: Meaning(
        _MANUAL, _Sub.SIG_CONSTRAINTS_FAILURE, "Podpis złożono dawno. Sprawdź, czy wniosek jest aktualny."
    ),
    Code.IDENTITY_UNREADABLE: Meaning(
        _MANUAL, _Sub.SIG_CONSTRAINTS_FAILURE, "Podpis nie podaje imienia i nazwiska osoby w znany sposób."
    ),
    Code.POLICY_ERROR: Meaning(
        _MANUAL, _Sub.POLICY_PROCESSING_ERROR, "Program nie potrafił ocenić podpisu. Sprawdź plik w innym programie."
    ),
}

_FAILED = frozenset(
    {_Sub.FORMAT_FAILURE, _Sub.HASH_FAILURE, _Sub.SIG_CRYPTO_FAILURE, _Sub.REVOKED, _Sub.EXPIRED, _Sub.NOT_YET_VALID}
)
"""ETSI EN 319 102-1 table 5; everything else is table 6."""


def reason(code: Code) -> Reason:
    """The code with its sentence."""
    return Reason(str(code), MEANINGS[code].text_pl)


def indication(sub_indication: SubIndication | None) -> Indication:
    """The main indication that goes with a sub-indication."""
    if sub_indication is None:
        return Indication.TOTAL_PASSED
    return Indication.TOTAL_FAILED if sub_indication in _FAILED else Indication.INDETERMINATE
