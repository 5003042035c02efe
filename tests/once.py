"""What the whole run shares because nobody changes it: the same rules, proofread, and what a database begins as.

Both are made by the program itself, and made anew for a folder with other content; of a rule set that differs in one
file the others are known. Processes that tests start know nothing of it.
"""

from __future__ import annotations

import hashlib
import shutil
import signal
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from alembic.util import pyfiles
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from sqlalchemy import Connection, Engine, create_engine, event
from yaml.nodes import Node

from mailbot.config import Settings
from mailbot.console import pages
from mailbot.desk import dossier
from mailbot.mails import proof, strangers
from mailbot.mails.write import Writer
from mailbot.model import MailKind
from mailbot.ruleset import applications, document, fixed, topics
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.findings import Finding
from mailbot.ruleset.loader import load
from mailbot.ruleset.model import Contacts, Ruleset
from mailbot.service import compose, doctor, supervision
from mailbot.storage import engine as storage
from mailbot.storage import keys, migrations
from mailbot.storage.engine import connect, migrate
from mailbot.storage.place import refuse_empty
from mailbot.storage.schema import metadata
from mailbot.web import pages as web_pages
from mailbot.workers.rules import RulesKeeper
from tests import postgres
from tests.support import ROOT

KEYS_IN_USE, _FEW = keys._AHEAD, 32
"""Keys made in one commit; a test seals little."""
SHIPPED = ROOT / "rules"
VERSIONS = Path(migrations.__file__).parent / "versions"


@cache
def shipped() -> Ruleset:
    """The rules of this checkout. They are immutable."""
    return load(SHIPPED)


@contextmanager
def installed(folders: pytest.TempPathFactory) -> Iterator[None]:
    """``compose`` hands out what was made before, and a service does not wait for who writes its rules slowly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compose, "rules", _proofread(compose.rules))
        # A service that ends at once would wait a second for the second look at its rules.
        patch.setattr(supervision, "RulesKeeper", partial(RulesKeeper, settle=0.05))
        patch.setattr(doctor, "_reader", _proved(doctor._reader))
        patch.setattr(keys, "_AHEAD", _FEW)
        _read_once(patch)
        _compile_once(patch)
        _begin_once(patch, folders)
        _ask_the_type(patch)
        yield


def _proofread(rules: Callable[[Settings], tuple[Ruleset, Writer]]) -> Callable[[Settings], tuple[Ruleset, Writer]]:
    proofread: dict[Hashable, tuple[Ruleset, Writer]] = {}

    def known_rules(chosen: Settings) -> tuple[Ruleset, Writer]:
        folder = compose.rules_directory(chosen.rules.directory)
        content = _shipped_content() if folder == SHIPPED else _content(folder)  # nobody writes into the checkout
        key = (folder, content, chosen.helpdesk, chosen.delivery.domain, chosen.web.public_url)
        if key in proofread:
            return proofread[key]
        made = rules(chosen)
        if folder == SHIPPED or _content(folder) == content:  # else somebody writes just now
            proofread[key] = made
        return made

    return known_rules


def _begin_once(patch: pytest.MonkeyPatch, folders: pytest.TempPathFactory) -> None:
    """A new file of SQLite is a copy of one that was migrated, or given tables, before."""
    tables = metadata.create_all

    @cache
    def made(make: Callable[[Engine], None]) -> Path:
        file = folders.mktemp("begun") / "new.db"
        engine = connect(f"sqlite:///{file}")
        make(engine)
        engine.dispose()  # its log goes into the file with the last connection
        return file

    def begun(engine: Engine) -> None:
        if engine.dialect.name == "postgresql":
            postgres.migrated(engine, migrate)
        elif (path := _new_file(engine)) is not None:
            refuse_empty(engine)
            shutil.copyfile(made(migrate), path)
        else:
            migrate(engine)

    def created(bind: Engine | Connection, **how: Any) -> None:
        path = _new_file(bind) if isinstance(bind, Engine) and not how else None
        if path is not None:
            shutil.copyfile(made(tables), path)
        else:
            tables(bind, **how)

    patch.setattr(compose, "migrate", begun)
    patch.setattr(metadata, "create_all", created)


def _ask_the_type(patch: pytest.MonkeyPatch) -> None:
    """Python 3.11 writes a handler out to find that it is none by number, and asyncio's knows what a fixture gave back:
    the whole rule set, for one. Python 3.13 asks for its type."""
    known = signal._int_to_enum
    patch.setattr(signal, "_int_to_enum", lambda one, kind: known(one, kind) if isinstance(one, int) else one)


def _new_file(engine: Engine) -> Path | None:
    """The file of SQLite that ``engine`` would make."""
    path = Path(engine.url.database or ":memory:")
    new = engine.dialect.name == "sqlite" and path.name != ":memory:" and path.parent.is_dir() and not path.exists()
    return path if new else None


def _proved(prove: Callable[[Settings], Awaitable[str]]) -> Callable[[Settings], Awaitable[str]]:
    """Each doctor would start a reader of applications; one that read is not asked again."""
    said: dict[float, str] = {}

    async def proved(chosen: Settings) -> str:
        deadline = chosen.signatures.deadline_seconds
        if deadline not in said:
            said[deadline] = await prove(chosen)
        return said[deadline]

    return proved


def _alike() -> Callable[..., Engine]:
    first: dict[str, Engine] = {}

    def alike(url: str, **options: Any) -> Engine:
        """SQLAlchemy compiles a statement once an engine, more exactly once a dialect; each test has an engine."""
        made = create_engine(url, **options)
        known = first.get(made.dialect.name)
        if known is not None:
            made.dialect.initialize = lambda _: None  # type: ignore[method-assign]  # the first one asked the server
            made.dialect, made._compiled_cache = known.dialect, known._compiled_cache
        else:
            event.listen(made, "first_connect", lambda *_: first.setdefault(made.dialect.name, made))
        return made

    return alike


class _Compiled(BytecodeCache):
    """Templates of pages; jinja2 asks whether their text is the same."""

    def __init__(self) -> None:
        self._found: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._found:
            bucket.bytecode_from_string(self._found[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._found[bucket.key] = bucket.bytecode_to_string()


def _compile_once(patch: pytest.MonkeyPatch) -> None:
    """Templates of pages, migrations, and statements."""
    patch.setattr(storage, "create_engine", _alike())
    environment = partial(Environment, bytecode_cache=_Compiled())
    for module in (pages, dossier, web_pages):
        patch.setattr(module, "Environment", environment)
    load_file, migrations = pyfiles.load_module_py, cache(pyfiles.load_module_py)

    def load_module(name: str, path: Path) -> ModuleType:
        return (migrations if path.parent == VERSIONS else load_file)(name, path)

    patch.setattr(pyfiles, "load_module_py", load_module)


def _read_once(patch: pytest.MonkeyPatch) -> None:
    """What a file of rules says depends on its text alone. What is wrong with it is told anew: that names its place."""
    compose, look, near, find = YamlDocument._compose, proof._static, fixed.findings, strangers.find
    nodes: dict[Hashable, Node] = {}
    flaws: dict[Hashable, list[proof.Flaw]] = {}
    faultless: set[str] = set()
    strange: dict[Hashable, list[str]] = {}

    def composed(self: YamlDocument) -> Node | None:
        key = (self.text, document._LOADER)
        if key not in nodes:
            if (node := compose(self)) is None:
                return None
            nodes[key] = node
        return nodes[key]

    def static(kind: MailKind, source: str, contacts: Contacts | None) -> list[proof.Flaw]:
        key = (kind, source, repr(contacts))
        if key not in flaws:
            flaws[key] = look(kind, source, contacts)
        return list(flaws[key])

    def findings(file: str, text: str) -> list[Finding]:
        found = [] if text in faultless else near(file, text)
        if not found:
            faultless.add(text)
        return found

    def found(text: str, contacts: Contacts) -> list[str]:
        key = (text, repr(contacts))
        if key not in strange:
            strange[key] = find(text, contacts)
        return list(strange[key])

    patch.setattr(YamlDocument, "_compose", composed)
    patch.setattr(proof, "_static", static)
    patch.setattr(fixed, "findings", findings)
    patch.setattr(strangers, "find", found)
    for module in (applications, topics):
        patch.setattr(module, "read", _known(module.read))


def _known(read: Callable[..., Any]) -> Callable[..., Any]:
    """``read`` of a document, remembered where it noted nothing."""
    found: dict[Hashable, Any] = {}

    def reading(written: YamlDocument, *categories: Iterable[str]) -> Any:
        key = (written.text, YamlDocument.entries, *map(tuple, categories))  # a test may look over its shoulder
        if key in found:
            return found[key]
        before = written._mistakes.all()
        made = read(written, *categories)
        if written._mistakes.all() == before:
            found[key] = made
        return made

    return reading


def _content(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            for part in (str(file.relative_to(folder)).encode(), file.read_bytes()):
                digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


@cache
def _shipped_content() -> str:
    return _content(SHIPPED)
