"""A registry of accounts over SCIM (scim2-server) on loopback with TLS, and ways in which it may misbehave."""

from __future__ import annotations

import io
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.util import setup_testing_defaults

from scim2_models import ETag, Filter, Patch, ResourceType, ScimProvider, ServiceProviderConfig, User
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.utils import load_default_service_provider_config

from mailbot.accounts.puesc import SCHEMA, PuescAccount, PuescUser
from mailbot.accounts.scim import ScimRegistry
from mailbot.config import AccountsSettings
from mailbot.model import Account, AccountStatus
from mailbot.observe import Clock, utc_now
from tests import certificates

TOKEN = "token-of-the-tests"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Behind = Callable[[dict[str, Any], Callable[..., Any], Application], Iterable[bytes]]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that cuts the connection is no news."""


@dataclass
class Office:
    """A running registry. ``instead``: answers in its place while set; ``behind``: may ask it, or not."""

    url: str
    ca: Path
    token_file: Path
    storage: InMemoryStorage
    resource_type: ResourceType
    asked: list[tuple[str, str]] = field(default_factory=list)
    instead: Application | None = None
    behind: Behind | None = None

    def settings(self, **other: Any) -> AccountsSettings:
        """As an administrator writes them."""
        mine = {"source": "scim", "url": self.url, "ca_file": str(self.ca), "token_file": str(self.token_file)}
        return AccountsSettings(**{**mine, "timeout_seconds": 20.0, **other})

    def registry(self, clock: Clock = utc_now, **other: Any) -> ScimRegistry:
        """A client of it."""
        return ScimRegistry(self.settings(**other), clock)

    def resource(self, login: str) -> Any:
        """The user with this login, as the registry has it."""
        return next(one for one in self.storage.resources if one.user_name.lower() == login.lower())

    def meddle(self, login: str, **values: Any) -> None:
        """Another program changes the resource."""
        found = self.resource(login)
        self.storage.update(self.resource_type, found.model_copy(update=values))


def user(account: Account) -> dict[str, Any]:
    """The resource of an account, as docs/registry.md shows it."""
    more = {
        "birthYear": account.birth_year,
        "sex": account.sex,
        "peselHash": account.pesel_hash,
        "scope": account.scope,
        "csd": account.csd,
    }
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", SCHEMA],
        "userName": account.login,
        "name": {"givenName": account.given, "familyName": account.surname},
        "active": account.status is AccountStatus.ACTIVE,
        SCHEMA: {key: value for key, value in more.items() if value is not None},
    }


@contextmanager
def office(
    folder: Path, accounts: Iterable[Account], *, patch: bool = True, etag: bool = True, certificate: bool = False
) -> Iterator[Office]:
    """A registry with these accounts, until the end of the block. ``certificate``: it lets in who shows one of its
    authority, and asks for no token."""
    files = certificates.make(folder)
    (folder / "token").write_text(TOKEN + "\n")
    config: ServiceProviderConfig = load_default_service_provider_config()
    config.patch, config.etag, config.filter = Patch(supported=patch), ETag(supported=etag), Filter(supported=True)
    provider = ScimProvider(
        models=[User, PuescAccount], resource_types=[ResourceType.from_resource(PuescUser)], config=config
    )
    storage = InMemoryStorage()
    application = BearerTokenApplication(storage, provider, ScimService(provider), [TOKEN])

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        made.asked.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if certificate:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
        if made.instead is not None:
            return made.instead(environ, start)
        if made.behind is not None:
            return made.behind(environ, start, application)
        return application(environ, start)

    with make_server("127.0.0.1", 0, app, server_class=_Server, handler_class=_Quiet) as server:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(files.certificate, files.key)
        if certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(files.ca)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        url = f"https://127.0.0.1:{server.server_port}/v2"
        made = Office(url, files.ca, folder / "token", storage, provider.resource_types[0])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            _fill(application, accounts)
            yield made
        finally:
            server.shutdown()
            thread.join(5)


def _fill(application: Application, accounts: Iterable[Account]) -> None:
    for account in accounts:
        octets = json.dumps(user(account)).encode()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/v2/Users",
            "CONTENT_TYPE": "application/scim+json",
            "CONTENT_LENGTH": str(len(octets)),
            "HTTP_AUTHORIZATION": f"Bearer {TOKEN}",
            "wsgi.input": io.BytesIO(octets),
        }
        setup_testing_defaults(environ)
        told: list[str] = []
        b"".join(application(environ, lambda status, *_, told=told: told.append(status)))
        assert told[0].startswith("201"), told


def unversioned(*, header: bool) -> Behind:
    """A registry whose resources say no version; ``header``: but the head of an answer with one resource does."""

    def app(environ: dict[str, Any], start: Callable[..., Any], answer: Application) -> Iterable[bytes]:
        told: list[Any] = []
        octets = b"".join(answer(environ, lambda *said: told.extend(said)))
        kept = [one for one in told[1] if one[0].lower() not in ("content-length", "etag" if not header else "")]
        start(told[0], kept)
        return [re.sub(rb'"version": ?"(?:[^"\\]|\\.)*"', b'"resourceType": "User"', octets)]

    return app


def says(status: str, body: bytes, *headers: tuple[str, str]) -> Application:
    """A server that answers everything so."""

    def app(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start(status, [("Content-Type", "application/scim+json"), *headers])
        return [body]

    return app
