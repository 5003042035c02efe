"""Is a signature meant as consent? It may also say "I have received this" (EN 319 122-1 §5.2.3, EN 319 132-1 §5.2.3).

Whoever asks others to confirm a receipt must not get an application of theirs. So all that a signer says of the purpose
must be known for consent or authorship: types of commitment by identifier, /Reason of a PDF and roles by each word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from asn1crypto import cms, core

from mailbot.signatures import ber

_APPROVING = re.compile(  # proofOfOrigin, proofOfApproval; proofOfCreation is "not necessarily approved"
    r"(?:urn:oid:)?1\.2\.840\.113549\.1\.9\.16\.6\.[15]|http://uri\.etsi\.org/01903/v1\.[1-3]\.[12]#ProofOf(?:Origin|Approval)"
)
_COMMITMENT = "1.2.840.113549.1.9.16.2.16"  # id-aa-ets-commitmentType
_ROLES = ("1.2.840.113549.1.9.16.2.18", "0.4.0.19122.1.1")  # signer-attributes, signer-attributes-v2
_BETWEEN = re.compile(r"[\s.,:;!()\"'/–—-]+")
_WORD = re.compile(
    r"podpis\w*|zatwierdz\w*|(?:za)?akcept\w*|autor\w*|wnios\w*|wnosz\w*|składam|formaln\w*|pochodzeni\w*|dokument\w*"
    r"|elektroniczn\w*|kwalifikowan\w*|zaufan\w*|hasł\w*|awaryjn\w*|login\w*|kont(?:o|a|u|em)|now(?:e|y|ego|ej|a)"
    r"|nadani\w*|zmian[aęy]|procedura|specjalna|puesc|jestem|zgadzam|się|mojego|tego|tym|ten|i|o|na|w|z"
    r"|sign(?:ed|ing|ature|er)?|approv(?:e|ed|al|ing)|agree|accept(?:ed)?|author|proof|origin"
    r"|application|document|password|request|electronic(?:ally)?|digital(?:ly)?|qualified|terms|defined|placement"
    r"|am|the|of|this|my|to|by|a|and|on"
)
"""What programs offer for a reason, and what names the application; no word that denies, limits or
has received, and none that leaves the consent to somebody else ("do akceptacji", "for approval")."""


def consents(said: Iterable[str]) -> bool:
    """Does the signer say nothing of the purpose, or nothing but consent?"""
    return all(_APPROVING.fullmatch(one.strip()) or all(map(_is_known, _BETWEEN.split(one))) for one in said)


def of_cms(attributes: Iterable[cms.CMSAttribute]) -> Iterator[str]:
    """What signed attributes say: identifiers of commitment types, and of attributes with roles. Raises ValueError."""
    for attribute in attributes:
        kind = attribute["type"].dotted
        if kind in _ROLES:
            yield kind
        elif kind == _COMMITMENT:
            for value in ber.elements(attribute["values"].contents):
                identifier, *qualifiers = ber.elements(ber.contents(value))
                yield core.ObjectIdentifier.load(identifier, strict=True).dotted
                yield from ("qualifiers" for one in qualifiers if ber.contents(one))


def _is_known(word: str) -> bool:
    return not word or _WORD.fullmatch(unicodedata.normalize("NFC", word).casefold()) is not None
