"""The second factor: codes of an authenticator (TOTP, RFC 6238), and recovery codes for whoever has lost it."""

from __future__ import annotations

import hashlib
import hmac
import io
import secrets
from contextlib import suppress
from datetime import datetime

import pyotp
import segno
from sqlalchemy import Connection, delete, insert, select, update

from mailbot.errors import SealBroken
from mailbot.secret import Secret
from mailbot.storage.desk import operator, recovery_code

_PURPOSE = "totp"
_ISSUER = "Help Desk SISC"
_SECONDS = 30
_DRIFT = (0, -1, 1)
"""Steps beside the present one that count: telephones' clocks are not ours (RFC 6238 §5.2)."""
_CODES = 10
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


def new_secret(secret: Secret, operator_id: int) -> bytes:
    """A new secret of 160 bit (RFC 4226 §4, R6), sealed."""
    return secret.seal(_PURPOSE, pyotp.random_base32(32).encode(), _context(operator_id))


def opened(secret: Secret, operator_id: int, sealed: bytes) -> str:
    """The secret in base32. Raises SealBroken."""
    return secret.unseal(_PURPOSE, sealed, _context(operator_id)).decode()


def seal_anew(connection: Connection, secret: Secret) -> None:
    """Seal every secret under the newest key. One that does not open stays as it is."""
    o = operator.c
    for row in connection.execute(select(o.id, o.totp).where(o.totp.is_not(None))).all():
        with suppress(SealBroken):
            plain = opened(secret, row.id, row.totp).encode()
            sealed = secret.seal(_PURPOSE, plain, _context(row.id))
            connection.execute(update(operator).where(o.id == row.id).values(totp=sealed))


def picture(base32: str, name: str) -> str:
    """The QR code that an authenticator reads, as an SVG element that scales."""
    uri = pyotp.TOTP(base32).provisioning_uri(name=name, issuer_name=_ISSUER)
    svg = io.BytesIO()
    segno.make(uri, error="m", micro=False).save(
        svg, kind="svg", xmldecl=False, svgns=True, omitsize=True, dark="#000", light="#fff", border=4
    )
    return svg.getvalue().decode()


def step_of(base32: str, code: str, now: datetime) -> int | None:
    """The time step that ``code`` belongs to, of the present and its two neighbours; None: to none of them."""
    digits = "".join(c for c in code if not c.isspace())
    step = int(now.timestamp()) // _SECONDS
    totp = pyotp.TOTP(base32)
    right = [step + n for n in _DRIFT if hmac.compare_digest(totp.generate_otp(step + n).encode(), digits.encode())]
    return right[0] if right else None


def use_step(connection: Connection, operator_id: int, step: int) -> bool:
    """Whether no code of ``step`` or a later one counted before; from now on none does."""
    o = operator.c
    used = update(operator).where(o.id == operator_id, o.totp_step < step).values(totp_step=step)
    return connection.execute(used).rowcount == 1


def new_codes(connection: Connection, operator_id: int) -> tuple[str, ...]:
    """Ten recovery codes of 80 bit in place of all before; kept as hashes only."""
    codes = tuple("".join(secrets.choice(_BASE32) for _ in range(16)) for _ in range(_CODES))
    connection.execute(delete(recovery_code).where(recovery_code.c.operator_id == operator_id))
    connection.execute(
        insert(recovery_code), [{"operator_id": operator_id, "code_hash": _hash(code)} for code in codes]
    )
    return tuple("-".join(code[n : n + 4] for n in range(0, 16, 4)) for code in codes)


def use_code(connection: Connection, operator_id: int, code: str, now: datetime) -> bool:
    """Whether ``code``, in any spelling, is one that was not used; it is then."""
    c = recovery_code.c
    plain = "".join(sign for sign in code.casefold() if sign in _BASE32)
    which = (c.operator_id == operator_id, c.code_hash == _hash(plain), c.used_at.is_(None))
    return connection.execute(update(recovery_code).where(*which).values(used_at=now)).rowcount == 1


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _context(operator_id: int) -> bytes:
    return f"operator {operator_id}".encode()
