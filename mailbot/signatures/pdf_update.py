"""What stands in a PDF behind the revision that was signed: nothing that matters, or something that changes it."""

from __future__ import annotations

import re
from enum import Enum, auto

from mailbot.signatures.cms import Refused
from mailbot.signatures.pdf_reader import open_pdf

_WHITE_SPACE = b"\0\t\n\f\r "
"""ISO 32000-2 table 1."""
_WHITE_SPACE_MAX = 1_024
"""Octets; readers look so far back for the end of the file (ISO 32000-2 annex I)."""
_CONTENTS_MAX = 1_000_000
"""Hex digits of /Contents; pyHanko reads them one by one, and takes a hundred octets of memory for each."""
_SYNTAX = re.compile(rb"\bobj\b|\bxref\b|\bstartxref\b|\btrailer\b|\bstream\b|%%EOF|%PDF-")


class Later(Enum):
    """What was added after signing."""

    NOTHING = auto()
    """Nothing, or white space."""
    VALIDATION_DATA = auto()
    """Certificates, revocation data and timestamps for validation in years (PAdES B-LT, B-LTA: EN 319 142-1 §5.4)."""
    DOUBT = auto()
    """Octets that are no PDF, such as the footer of a mailing list; or a file that is not compared."""
    CHANGE = auto()
    """Anything else."""


def added(data: bytes, end: int, contents: int) -> Later:
    """What stands behind octet ``end``, where the signed revision is over; ``contents``: digits of /Contents.

    Raises Refused for what is too complex to be compared.
    """
    behind = data[end:]
    if not behind.strip(_WHITE_SPACE) and len(behind) <= _WHITE_SPACE_MAX:
        return Later.NOTHING
    if _SYNTAX.search(behind) is None or contents > _CONTENTS_MAX:
        return Later.DOUBT
    return Later.VALIDATION_DATA if _only_validation_data(data, end) else Later.CHANGE


def _only_validation_data(data: bytes, end: int) -> bool:
    """Whether pyHanko's comparison of the revisions finds nothing but DSS and document timestamps."""
    from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY, DiffResult, ModificationLevel  # slow, rarely needed

    try:
        reader = open_pdf(data)
        for signature in reader.embedded_signatures:
            ranges = [int(number) for number in signature.byte_range]
            if sum(ranges[-2:]) == end:
                signature.compute_integrity_info(DEFAULT_DIFF_POLICY)
                found = signature.diff_result
                level = found.modification_level if isinstance(found, DiffResult) else ModificationLevel.OTHER
                return bool(level <= ModificationLevel.LTA_UPDATES)
    except Refused:  # too complex to be compared: a doubt, no change
        raise
    except Exception:  # it raises what it likes on malformed files; what it cannot compare has changed
        return False
    return False
