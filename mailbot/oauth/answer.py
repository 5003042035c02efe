"""What a token endpoint answers (RFC 6749 §5), judged. Of its words nothing but known codes gets on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mailbot.errors import TokenRefused, TokenUnavailable

_BEARER = re.compile(r"[A-Za-z0-9\-._~+/]{1,16000}=*")  # RFC 6750 §2.1
_VISIBLE = re.compile(r"[\x20-\x7e]{1,16000}")  # RFC 6749 appendix A.17
_LIFE = timedelta(minutes=5)  # of a token whose answer does not tell
_LONGEST = timedelta(days=1)
_NEVER = timedelta(days=3650)
_PASSING = frozenset({408, 425, 429})
_MENDS = {
    "invalid_grant": "the refresh token is over or was withdrawn: have the mailbox's owner consent anew, and write the "
    "new token into [oauth] refresh_token_file",
    "invalid_client": "the client secret is wrong or over: make a new one and write it into [oauth] client_secret_file",
    "unauthorized_client": "let the provider give this client the grant of [oauth] grant",
    "unsupported_grant_type": "write the other [oauth] grant",
    "invalid_scope": "correct [oauth] scope",
    "invalid_request": "correct [oauth] client_id, scope and token_url",
    "access_denied": "have an administrator of the provider consent",
    "interaction_required": "have the mailbox's owner consent anew, and write the new token into [oauth] "
    "refresh_token_file",
}
"""Codes of RFC 6749 §5.2 and of Microsoft → the mend."""
_MICROSOFT = re.compile(r"AADSTS\d{4,9}")


@dataclass(frozen=True, slots=True)
class Issued:
    """access: for the mail servers, for ``life``. refresh: takes the place of the refresh token we have; None: that
    stays. refresh_life: None: not told."""

    access: str
    life: timedelta
    refresh: str | None
    refresh_life: timedelta | None


def judge(status: int, octets: bytes) -> Issued:
    """Raises TokenRefused (a person must act) or TokenUnavailable (later it may be well)."""
    try:
        found = json.loads(octets)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise TokenUnavailable(f"the token server answered {status} and no JSON object")
    if status == 200 and "error" not in found:
        return _issued(found)
    code = str(found.get("error"))
    if 400 <= status < 500 and status not in _PASSING and code in _MENDS:
        more = _MICROSOFT.search(str(found.get("error_description", "")))
        raise TokenRefused(f"[oauth] the token server says {code}{f' {more[0]}' if more else ''}; mend: {_MENDS[code]}")
    raise TokenUnavailable(f"the token server answered {status}")


def _issued(found: Mapping[str, Any]) -> Issued:
    access, refresh = found.get("access_token"), found.get("refresh_token")
    if not isinstance(access, str) or not _BEARER.fullmatch(access):
        raise TokenUnavailable("the token server gave no access token")
    if str(found.get("token_type", "")).lower() != "bearer":
        raise TokenUnavailable("the token server gave a token of another kind than Bearer")
    if refresh is not None and not (isinstance(refresh, str) and _VISIBLE.fullmatch(refresh.strip())):
        raise TokenUnavailable("the token server gave a refresh token that is none")
    life = _seconds(found.get("expires_in"), _LONGEST) or _LIFE
    told = found.get("refresh_expires_in", found.get("refresh_token_expires_in"))
    return Issued(access, life, refresh and refresh.strip(), _seconds(told, _NEVER))


def _seconds(value: object, most: timedelta) -> timedelta | None:
    """A number of seconds, which some servers write as a text; None: none, or no sense."""
    if not isinstance(value, int | str) or not re.fullmatch(r"[1-9]\d{0,9}", str(value)):
        return None
    return min(timedelta(seconds=int(value)), most)
