"""How an account stands in a SCIM resource: User (RFC 7643 §4.1) with an extension of ours (docs/registry.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from scim2_models import URN, Context, Extension, User

from mailbot.accounts import fields
from mailbot.model import Account, AccountStatus
from mailbot.text import address

SCHEMA = "urn:mailbot:params:scim:schemas:extension:puesc:2.0:Account"


class PuescAccount(Extension):
    """What PUESC knows of an account beside User. Names are camelCase on the wire."""

    __schema__ = URN(SCHEMA)

    birth_year: int | None = None
    sex: str | None = None
    pesel_hash: str | None = None
    scope: str | None = None
    csd: bool | None = None
    last_change: str | None = None


PuescUser = User[PuescAccount]


@dataclass(frozen=True, slots=True)
class ScimResource:
    """One resource. ``raw``: as it was read, for a PUT; ``version``: its ETag, "" where it has none."""

    id: str
    account: Account
    version: str
    last_change: str
    raw: Mapping[str, Any]


def read(raw: Any, this_year: int) -> ScimResource:
    """Raises ValueError, without a value of the resource in it: it is no account that a machine may decide on."""
    try:
        user = PuescUser.model_validate(raw, scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    except (ValidationError, TypeError, AttributeError):
        raise ValueError("is no User of RFC 7643") from None
    more, name = user[PuescAccount], user.name
    if more is None or more.birth_year is None or name is None or user.active is None or not user.id:
        raise ValueError("lacks id, name, active or birthYear")
    account = Account(
        login=fields.login(user.user_name or ""),
        given=fields.name(name.given_name or ""),
        surname=fields.name(name.family_name or ""),
        birth_year=fields.birth_year(str(more.birth_year), this_year),
        sex=None if more.sex is None else _word(fields.SEXES, more.sex),
        pesel_hash=_hash(more.pesel_hash),
        scope=_word(fields.SCOPES, more.scope or "podstawowy"),
        csd=bool(more.csd),
        status=AccountStatus.ACTIVE if user.active else AccountStatus.BLOCKED,
    )
    version = (user.meta.version if user.meta else None) or ""
    return ScimResource(user.id, account, version, more.last_change or "", raw)


def is_of(found: ScimResource, key: str) -> bool:
    """Whether it is the account of this login key, by our rule and not by the collation of the registry."""
    return address.login_key(found.account.login) == key


def _word(words: Mapping[str, Any], said: str) -> Any:
    if said.casefold() not in words:
        raise ValueError("has a word that is not allowed")
    return words[said.casefold()]


def _hash(said: str | None) -> str | None:
    if said and (len(said) != 64 or not set(said.lower()) <= set("0123456789abcdef")):
        raise ValueError("peselHash is no HMAC-SHA256 in hex")
    return said.lower() if said else None
