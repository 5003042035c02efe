"""A registry of accounts on another machine: SCIM 2.0 (RFC 7643, RFC 7644) over HTTPS.

Only a whole, plain answer counts. No answer, a status of failure or octets that are no SCIM are RegistryUnavailable:
whoever asked waits. What is SCIM but not exactly one fitting account, or none, is a doubt for a person.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from scim2_client import BaseAsyncSCIMClient, RequestNetworkException, SCIMClientException
from scim2_client.client import RawResponse
from scim2_models import (
    ResourceType,
    SCIMException,
    ScimProvider,
    ServiceProviderConfig,
    User,
)

from mailbot.accounts.puesc import SCHEMA, PuescAccount, PuescUser, ScimResource, is_of, read
from mailbot.accounts.snapshot import Snapshot, doubtful
from mailbot.config import AccountsSettings
from mailbot.errors import ConfigError, RegistryUnavailable
from mailbot.model import Account
from mailbot.observe import Clock

_LONGEST = 2**20
"""Octets of one answer: two accounts and a head need some thousand."""
_PROVIDER = ScimProvider(models=[User, PuescAccount], resource_types=[ResourceType.from_resource(PuescUser)])
_UNFIT = object()
_FAILURES = 3
"""Of one call: then the rest is not asked for."""
_NOBODY = "nobody@mailbot.invalid"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@dataclass(frozen=True, slots=True)
class RegistryCapabilities:
    """What the registry says it can do (ServiceProviderConfig, RFC 7643 §5)."""

    patch: bool
    etag: bool
    filter: bool


@dataclass(frozen=True, slots=True)
class _Answer:
    status_code: int
    headers: Mapping[str, str]
    text: str


class _Wire(BaseAsyncSCIMClient):
    """Sends over aiohttp: no redirect is followed, no proxy of the environment taken, no answer read without end."""

    def __init__(self, session: ClientSession, url: str) -> None:
        super().__init__(provider=_PROVIDER)
        self._session, self._url = session, url.rstrip("/")

    async def request(self, method: str, url: str, **kwargs: Any) -> _Answer:
        """See BaseAsyncSCIMClient.request. Raises RequestNetworkException."""
        try:
            async with self._session.request(method, self._url + url, allow_redirects=False, **kwargs) as answer:
                octets = await _bounded(answer.content)
                return _Answer(answer.status, answer.headers, octets.decode())
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            raise RequestNetworkException(message=type(error).__name__) from None


async def _bounded(content: Any) -> bytes:
    read: list[bytes] = []
    total = 0
    async for chunk in content.iter_chunked(65_536):
        total += len(chunk)
        if total > _LONGEST:
            raise ValueError("longer than any answer may be")
        read.append(chunk)
    return b"".join(read)


@dataclass(slots=True)
class ScimRegistry:
    """The registry that ``settings`` name."""

    settings: AccountsSettings
    clock: Clock
    ailing: str = field(default="", init=False)
    """Why it did not answer when it was asked last; empty: it did."""

    async def ask(self, keys: Collection[str], patience: float | None = None) -> Snapshot:
        """What it says now of these login keys. For those it does not answer, or not within ``patience`` seconds,
        the snapshot raises; this never does. A registry that fails again and again is left alone."""
        found: dict[str, Account] = {}
        asked: set[str] = set()
        failures: list[str] = []
        try:
            async with asyncio.timeout(patience), self._connected() as wire:
                for key in keys:
                    try:
                        with self._plainly():
                            account = _account_of(await self._of(wire, key), key)
                    except RegistryUnavailable as error:  # one strange answer does not hold the others
                        failures.append(error.reason)
                        if len(failures) == _FAILURES:
                            break
                        continue
                    asked.add(key)
                    if account is not None:
                        found[key] = account
        except TimeoutError:
            failures.append("the registry of accounts is slow")
        except RegistryUnavailable as error:
            failures.append(error.reason)
        if failures:  # the snapshot lacks what is missing
            self.ailing = failures[-1]
        return Snapshot(asked, found)

    async def find(self, key: str) -> ScimResource | None:
        """The resource of a login. Raises RegistryUnavailable, also when it is not clear which one it is."""
        async with self._connected() as wire:
            found = await self._of(wire, key)
        if found is None:
            return None
        if not isinstance(found, ScimResource) or not is_of(found, key):
            raise RegistryUnavailable("the registry of accounts does not say clearly whose the login is")
        if found.version:
            return found
        whole = await self.get(found.id)  # a list need not say the versions of what is in it
        if whole is not None and not is_of(whole, key):
            raise RegistryUnavailable("the account was changed while it was read")
        return whole

    async def get(self, resource_id: str) -> ScimResource | None:
        """The resource as it is now. None: there is none any more. Raises RegistryUnavailable."""
        async with self._connected() as wire:
            answer = await wire.request("GET", f"/Users/{quote(resource_id, safe='')}")
            raw = _json(answer)
        if answer.status_code == 404 and isinstance(raw, dict) and _ERROR in raw.get("schemas", ()):
            return None
        if answer.status_code != 200:
            raise RegistryUnavailable(f"the registry of accounts answers {answer.status_code} for a resource")
        try:
            found = read(raw, self.clock().year)
        except ValueError as error:
            raise RegistryUnavailable(f"a resource of the registry {error}") from None
        if found.id != resource_id:
            raise RegistryUnavailable("the registry answered another resource than it was asked for")
        return found if found.version else replace(found, version=answer.headers.get("ETag", ""))

    async def change(
        self, found: ScimResource, password: str, new_login: str | None, change_id: str, until: datetime | None = None
    ) -> None:
        """Ask for the change of exactly the version that was read (If-Match), but not after ``until``. Raises
        RegistryUnavailable; whether it was done says only ``get``, whatever was answered."""
        means = await self.means()
        if until is not None and self.clock() > until:
            raise RegistryUnavailable("so long after it was written down the change is not asked for any more")
        values = {"password": password, f"{SCHEMA}:lastChange": change_id}
        if new_login is not None:
            values["userName"] = new_login
        if means.etag and not found.version:
            raise RegistryUnavailable("the registry of accounts has versions (etag), but says none of a resource")
        headers = {"If-Match": found.version} if means.etag else {}
        async with self._connected() as wire:
            if means.patch:
                steps = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
                asked = {"schemas": [_PATCH], "Operations": steps}
                await wire.modify(
                    PuescUser,
                    found.id,
                    asked,
                    check_response_payload=False,
                    expected_status_codes=[200, 204],
                    headers=headers,
                )
            else:
                whole = {**found.raw, **{k: v for k, v in values.items() if ":" not in k}}
                whole[SCHEMA] = {**found.raw.get(SCHEMA, {}), "lastChange": change_id}
                await wire.replace(
                    PuescUser,
                    whole,
                    check_request_payload=False,
                    check_response_payload=False,
                    expected_status_codes=[200],
                    url=f"/Users/{quote(found.id, safe='')}",
                    headers=headers,
                )

    async def means(self) -> RegistryCapabilities:
        """Raises RegistryUnavailable."""
        async with self._connected() as wire:
            said = await wire.query(ServiceProviderConfig)
        if not isinstance(said, ServiceProviderConfig):
            raise RegistryUnavailable("the registry does not say what it can do (ServiceProviderConfig)")
        return RegistryCapabilities(*(bool(one and one.supported) for one in (said.patch, said.etag, said.filter)))

    async def knows_extension(self) -> set[str]:
        """Names of the attributes that the registry's schema of our extension has; none: it has no such schema.
        Raises RegistryUnavailable."""
        async with self._connected() as wire:
            raw = await wire.request("GET", f"/Schemas/{SCHEMA}")
        if raw.status_code == 404:
            return set()
        try:
            return {str(one["name"]) for one in json.loads(raw.text)["attributes"]}
        except (ValueError, KeyError, TypeError):
            raise RegistryUnavailable(f"the registry answers {raw.status_code} for its schemas") from None

    async def _of(self, wire: _Wire, key: str) -> ScimResource | object | None:
        """The resource of a login key, None, or _UNFIT: it is SCIM, but leaves a doubt."""
        said = await self._searched(wire, key)
        if _is_refused(said) and not _is_refused(await self._searched(wire, _NOBODY)):
            return _UNFIT  # it is this login that it cannot look up: whoever waits would wait for ever
        resources = _listed(said)
        if not resources:
            return None
        if len(resources) > 1:
            return _UNFIT
        try:
            return read(resources[0], self.clock().year)
        except ValueError:
            return _UNFIT

    async def _searched(self, wire: _Wire, key: str) -> Any:
        return await wire.query(
            PuescUser,
            query_parameters={"filter": f"userName eq {json.dumps(key, ensure_ascii=False)}", "count": 2},
            check_response_payload=False,
            expected_status_codes=[200, 400],
        )

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Wire]:
        """Raises RegistryUnavailable for whatever goes wrong inside. Its reason holds kinds and numbers only."""
        with self._plainly():
            async with ClientSession(
                timeout=ClientTimeout(self.settings.timeout_seconds),
                connector=TCPConnector(ssl=self._context()),
                headers=self._headers(),
            ) as session:
                yield _Wire(session, self.settings.url)

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """Whatever goes wrong inside is RegistryUnavailable, and what ails the registry."""
        try:
            yield
        except (SCIMClientException, SCIMException) as error:
            self.ailing = f"the registry of accounts does not answer as it should: {_kind(error)}"
            raise RegistryUnavailable(self.ailing) from None
        except ConfigError as error:
            self.ailing = error.reason
            raise RegistryUnavailable(error.reason) from error
        except RegistryUnavailable as error:
            self.ailing = error.reason
            raise
        self.ailing = ""

    def _context(self) -> ssl.SSLContext:
        chosen = self.settings
        try:
            context = ssl.create_default_context(cafile=chosen.ca_file or None)
            if chosen.certificate:
                context.load_cert_chain(chosen.certificate, chosen.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"[accounts] ca_file, certificate, key: {error.strerror}; mend: name the files") from None
        return context

    def _headers(self) -> dict[str, str]:
        file = self.settings.token_file
        headers = {"Accept": "application/scim+json"}
        if not file:
            return headers
        try:
            token = Path(file).read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise ConfigError(f"[accounts] token_file: {file}: {type(error).__name__}; mend: name the file") from None
        if not token or not token.isprintable() or " " in token:
            raise ConfigError(f"[accounts] token_file: {file}: holds no token; mend: write it there alone")
        return headers | {"Authorization": f"Bearer {token}"}


def _is_refused(said: Any) -> bool:
    """Whether a search was answered 400 (RFC 7644 §3.12)."""
    return isinstance(said, dict) and str(said.get("status")) == "400" and _ERROR in (said.get("schemas") or ())


def _json(answer: RawResponse) -> Any:
    try:
        return json.loads(answer.text) if answer.text else None
    except (ValueError, RecursionError):
        raise RegistryUnavailable(f"the registry of accounts answers {answer.status_code} without JSON") from None


def _account_of(found: ScimResource | object | None, key: str) -> Account | None:
    if found is None:
        return None
    return found.account if isinstance(found, ScimResource) and is_of(found, key) else doubtful(key)


def _listed(said: Any) -> list[Any]:
    """The resources of a ListResponse (RFC 7644 §3.4.2). Raises RegistryUnavailable when it is none, or contradicts
    itself: an answer without resources must say that there are none."""
    if not isinstance(said, dict):
        raise RegistryUnavailable("the registry of accounts answered a search with no list")
    known = {name.lower(): value for name, value in said.items()}
    total, resources = known.get("totalresults"), known.get("resources") or []
    if type(total) is not int or not isinstance(resources, list) or len(resources) != min(total, 2):
        raise RegistryUnavailable("the registry of accounts answered a search with a list that contradicts itself")
    return resources


def _kind(error: Exception) -> str:
    status = getattr(error, "status", None) or getattr(getattr(error, "source", None), "status_code", None)
    said = error.message if isinstance(error, RequestNetworkException) else type(error).__name__
    return f"{status} {said}" if status else said
