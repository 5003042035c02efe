"""Does a test notice when a line of what decides is wrong? ``python -m tests.mutants`` (docs/benchmarks.md, mutants).

Each mutant changes one thing of one module: a comparison, a condition, a constant, an argument, a statement left out.
It lives in a forked process only, never in a file, and is shown to the tests that run the changed line, the quickest
first, until one fails. Tests that need PostgreSQL or another process are not among them.
"""

from __future__ import annotations

import argparse
import ast
import copy
import gc
import os
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType

import pytest

from tests.support import ROOT

SEED = 11
_PATIENCE = (20.0, 1.0)  # seconds, and of the processor, beside what the tests of one mutant take: its loop was noticed
UNCHANGED = "unchanged"
"""Must survive, or the measure is worth nothing."""

GROUPS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("mailbot.flow.decision",),
        (
            *("tests/unit/flow/test_decision.py", "tests/unit/flow/test_decision_table.py"),
            *("tests/unit/flow/test_channel_rows.py", "tests/unit/flow/test_waiting.py"),
        ),
    ),
    (("mailbot.flow.plan",), ("tests/unit/flow/test_plan.py", "tests/unit/flow/test_waiting.py")),
    (
        ("mailbot.ruleset.floor",),
        (
            *("tests/unit/ruleset/test_floor.py", "tests/unit/ruleset/test_floor_any_rules.py"),
            "tests/unit/ruleset/test_bad_rules.py",
        ),
    ),
    (
        ("mailbot.desk.floor",),
        ("tests/unit/desk/test_floor.py", "tests/unit/desk/test_floor_rows.py", "tests/unit/desk/test_actions.py"),
    ),
    (
        ("mailbot.tickets.hold", "mailbot.tickets.release", "mailbot.tickets.activation", "mailbot.tickets.sending"),
        (
            *("tests/contract/test_hold.py", "tests/contract/test_deliver.py", "tests/contract/test_activation.py"),
            *("tests/contract/test_notice.py", "tests/unit/tickets"),
        ),
    ),
    (("mailbot.outbox.jobs",), ("tests/contract/test_jobs.py", "tests/contract/test_deliver.py")),
    (
        (
            *("mailbot.workers.claim", "mailbot.workers.look", "mailbot.workers.deliver"),
            *("mailbot.workers.record", "mailbot.workers.outcome"),
        ),
        (
            *("tests/contract/test_deliver.py", "tests/contract/test_deliver_together.py"),
            *("tests/contract/test_breaker.py", "tests/contract/test_hold.py"),
        ),
    ),
    (
        ("mailbot.workers.held", "mailbot.workers.checks"),
        (
            *("tests/contract/test_decide.py", "tests/contract/test_lanes.py", "tests/contract/test_scan.py"),
            *("tests/contract/test_registry.py", "tests/contract/test_sealed_run.py"),
        ),
    ),
)
"""Modules, and the files of their tests."""

_ORDERED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
_WORDS = frozenset({"log_event", "PermanentError", "Refused", "ValueError", "LeaseLost", "RelayUnavailable"})
"""Calls whose arguments are told to people: their words are not changed."""


@dataclass(frozen=True, slots=True)
class Mutant:
    module: str
    place: tuple[tuple[str, int | None], ...]
    """From the module down to what is changed: field, and index in a list."""
    instead: ast.AST | None
    statement: int
    """Line of the statement, in a function; 0: at the top of the module."""
    what: str

    def tree(self) -> ast.Module:
        tree = ast.parse(_path(self.module).read_text())
        if self.instead:
            _put(tree, self.place, self.instead)
        return tree


def variants(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """(what is changed, the node instead)."""
    match node:
        case ast.Compare(ops=[operator]):
            for table in (_ORDERED, _OPPOSITE):
                if other := table.get(type(operator)):
                    yield other.__name__, ast.Compare(node.left, [other()], node.comparators)
        case ast.BoolOp():
            yield "and/or", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            for i, rest in _without(node.values):
                yield f"without operand {i}", rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        case ast.UnaryOp(op=ast.Not() | ast.Invert()):
            yield "without not", node.operand
        case ast.If() | ast.IfExp():
            for value in (True, False):
                yield f"if {value}", _with(node, test=ast.Constant(value))
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            yield "+/-", _with(node, op=ast.Sub() if isinstance(node.op, ast.Add) else ast.Add())
        case ast.Constant():
            yield from _constants(node.value)
        case ast.Call():
            yield from _calls(node)
        case _:
            yield from _left_out(node)


def _left_out(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Tuple(ctx=ast.Load()) | ast.List(ctx=ast.Load()) | ast.Set():
            for i, rest in _without(node.elts) if len(node.elts) > 1 else ():
                yield f"without element {i}", _with(node, elts=rest)
        case ast.Dict():
            for i in range(len(node.keys)):
                keys, values = list(node.keys), list(node.values)
                del keys[i], values[i]
                yield f"without key {i}", ast.Dict(keys, values)
        case ast.Assign(targets=[ast.Name() | ast.Tuple()]) | ast.Expr(value=ast.Constant()):
            pass  # what follows needs the name; a docstring
        case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.Raise() | ast.Break() | ast.Continue():
            yield "statement left out", ast.Pass()


def _without(nodes: list[ast.expr]) -> list[tuple[int, list[ast.expr]]]:
    return [(i, nodes[:i] + nodes[i + 1 :]) for i in range(len(nodes))]


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _constants(value: object) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(value, bool):
        yield f"{not value}", ast.Constant(not value)
    elif isinstance(value, int | float):
        yield f"{value + 1}", ast.Constant(value + 1)
    elif isinstance(value, str) and value and " " not in value:
        yield f"{value!r} misspelt", ast.Constant(value + "x")


def _calls(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node.func, ast.Name) and node.func.id in _SWAPPED:
        yield _SWAPPED[node.func.id], ast.Call(ast.Name(_SWAPPED[node.func.id]), node.args, node.keywords)
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("where", "values", "order_by", "with_for_update"):
        yield f"without .{node.func.attr}", node.func.value
        for i in range(len(node.args) if len(node.args) > 1 else 0):
            yield f"without argument {i}", _with(node, args=node.args[:i] + node.args[i + 1 :])
        for i, keyword in enumerate(node.keywords if len(node.keywords) > 1 else ()):
            rest = node.keywords[:i] + node.keywords[i + 1 :]
            yield f"without {keyword.arg}", ast.Call(node.func, node.args, rest)


def mutants(module: str) -> list[Mutant]:
    found: list[Mutant] = []

    def visit(node: ast.AST, place: list[tuple[str, int | None]], statement: ast.stmt | None, function: bool) -> None:
        if isinstance(node, ast.stmt):
            statement = node
        if _is_said(node):
            return
        if statement is not None and hasattr(node, "lineno"):
            for what, other in variants(node):
                shown = ast.unparse(node).splitlines()[0][:90]
                line = statement.lineno if function else 0
                found.append(Mutant(module, tuple(place), other, line, f"{node.lineno}: {shown}  [{what}]"))
        inner = function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "args") and not isinstance(node, ast.Call):
                continue
            for i, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(child, ast.AST):
                    visit(child, [*place, (name, i)], statement, inner)

    visit(ast.parse(_path(module).read_text()), [], None, False)
    return found


def _is_said(node: ast.AST) -> bool:
    """What is told to people, or imported."""
    called = node.func if isinstance(node, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or name in _WORDS or isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom)


def _put(tree: ast.AST, place: Sequence[tuple[str, int | None]], instead: ast.AST) -> None:
    for name, i in place:
        parent, tree = tree, getattr(tree, name) if i is None else getattr(tree, name)[i]
    new = ast.fix_missing_locations(ast.copy_location(instead, tree))
    if i is None:
        setattr(parent, name, new)
    else:
        getattr(parent, name)[i] = new


def _path(module: str) -> Path:
    return ROOT / (module.replace(".", "/") + ".py")


# -- how the tests are shown a mutant


@dataclass(eq=False)
class Show:
    """A plugin of pytest: the tests run once, to see which statements they run, then for each mutant in a fork."""

    chosen: list[Mutant]
    processes: int
    survived: list[Mutant] = field(default_factory=list)
    failed: bool = False
    _now: str = ""
    _ran: dict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    _took: tuple[dict[str, float], ...] = field(default_factory=lambda: ({}, {}))
    """Each test: seconds, and of the processor."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._see(session.items)
        items = {item.nodeid: item for item in session.items}
        running: dict[int, Mutant] = {}
        for mutant in self.chosen:
            if len(running) == self.processes:
                self._wait(running)
            touched = self._ran.get((mutant.module, mutant.statement)) or items.keys()  # else it runs when imported
            asked = self._in_order(touched & items.keys())
            if pid := os.fork():
                running[pid] = mutant
            else:
                os._exit(self._killed(session, mutant, [items[test] for test in asked]))
        while running:
            self._wait(running)
        return True

    def _in_order(self, tests: Iterable[str]) -> list[str]:
        """The quickest first; of each function one before any other of its rows."""
        rows: Counter[str] = Counter()
        order = {}
        for test in sorted(tests, key=self._took[1].__getitem__):
            function = test.partition("[")[0]
            order[test] = rows[function]
            rows[function] += 1
        return sorted(order, key=order.__getitem__)

    def _see(self, items: list[pytest.Item]) -> None:
        modules = {mutant.module for mutant in self.chosen}
        for module in modules:
            sys.modules[module].__dict__["__ran__"] = lambda line, module=module: self._ran[module, line].add(self._now)
            _recode(module, _telling(ast.parse(_path(module).read_text())))
        for item, following in zip(items, [*items[1:], items[0]], strict=True):
            self._now = item.nodeid
            for module in modules:
                _forget(module)
            clocks = (time.monotonic, time.process_time)
            began = [clock() for clock in clocks]
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            for clock, at, took in zip(clocks, began, self._took, strict=True):
                took[self._now] = clock() - at
        if self.failed:
            raise pytest.UsageError("the tests fail as it is")

    def _killed(self, session: pytest.Session, mutant: Mutant, items: list[pytest.Item]) -> int:
        """In the fork: 1 when a test fails, 0 when none does."""
        if not items:
            return 0
        for timer, beside, took in zip((signal.ITIMER_REAL, signal.ITIMER_VIRTUAL), _PATIENCE, self._took, strict=True):
            signal.setitimer(timer, beside + 3 * sum(took[item.nodeid] for item in items))
        try:
            session._setupstate.teardown_exact(items[0])
            _recode(mutant.module, mutant.tree())
            _rename(mutant)
            _forget(mutant.module)
            for item, following in zip(items, [*items[1:], items[-1]], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if self.failed:
                    return 1
        except BaseException:
            return 1
        return 0

    def _wait(self, running: dict[int, Mutant]) -> None:
        pid, status = os.wait()
        mutant = running.pop(pid)
        if status == 0:
            self.survived.append(mutant)
            print(f"survived: {mutant.module}:{mutant.what}", file=sys.stderr, flush=True)


def _telling(tree: ast.Module) -> ast.Module:
    """Every statement in a function first tells its line."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            for name in ("body", "orelse", "finalbody"):
                if (old := getattr(node, name, None)) and isinstance(old, list) and not hasattr(old[0], "__told__"):
                    told = [ast.parse(f"__ran__({statement.lineno})").body[0] for statement in old]
                    told[0].__told__ = True  # type: ignore[attr-defined]
                    setattr(node, name, [one for pair in zip(told, old, strict=True) for one in pair])
    return ast.fix_missing_locations(tree)


def _recode(module: str, tree: ast.AST) -> None:
    """Every function of the module gets the code of ``tree``, whoever holds it by now."""
    path = str(_path(module))
    codes = dict(_codes(compile(tree, path, "exec")))
    gc.unfreeze()  # tests/conftest.py hides what was imported from the collector
    for held in gc.get_objects():
        if isinstance(held, FunctionType) and held.__code__.co_filename == path:
            code = codes.get(held.__code__.co_qualname)
            if code is not None and code.co_freevars == held.__code__.co_freevars:
                held.__code__ = code


def _codes(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner.co_qualname, inner
            yield from _codes(inner)


def _forget(module: str) -> None:
    """What the module remembers was found by its old code."""
    for name, value in sys.modules[module].__dict__.items():
        if name == "_remembered":
            value.clear()
        elif hasattr(value, "cache_clear"):
            value.cache_clear()


def _rename(mutant: Mutant) -> None:
    """What the module defines at its top (also by calling its functions) is the mutant's, in every module that imported
    it under its name."""
    old = sys.modules[mutant.module].__dict__
    new = {"__name__": mutant.module, "__file__": str(_path(mutant.module))}
    exec(compile(mutant.tree(), new["__file__"], "exec"), new)
    changed = [
        n for n, value in new.items() if n in old and not isinstance(value, type | FunctionType) and value != old[n]
    ]
    for module in list(sys.modules.values()):
        for name in changed:
            if (
                getattr(module, "__dict__", {}).get(name) is old[name]
                and not name.startswith("__")
                and module.__dict__ is not old
            ):
                setattr(module, name, new[name])
    old.update({name: new[name] for name in changed if not name.startswith("__")})


def measure(
    modules: Sequence[str], files: Sequence[str], most: int, processes: int, like: Sequence[str] = ()
) -> Iterator[str]:
    chosen: list[Mutant] = []
    count = {}
    for module in modules:
        everything = mutants(module)
        count[module] = len(everything)
        rng = random.Random(f"{SEED} {module}")
        unchanged = Mutant(module, (), None, everything[-1].statement, UNCHANGED)
        sample = everything if len(everything) <= most else rng.sample(everything, most)
        chosen += [unchanged, *(m for m in sample if not like or any(told in m.what for told in like))]
    show = Show(chosen, processes)
    if pytest.main(
        [*files, "-q", "-k", "not postgresql", "-o", "timeout=0", "-p", "no:cacheprovider"], plugins=[show]
    ) not in (0, 5):
        raise SystemExit("the tests fail as it is")
    for module in modules:
        survived = [m.what for m in show.survived if m.module == module]
        survived.remove(UNCHANGED)
        tried = sum(m.module == module for m in chosen) - 1
        score = 100 * (tried - len(survived)) / max(1, tried)
        yield f"{module}: {count[module]} mutants, {tried} tried, {len(survived)} survived, {score:.0f} % killed"
        yield from (f"    {what}" for what in survived)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", default=[m for modules, _ in GROUPS for m in modules])
    parser.add_argument("--most", type=int, default=60, help="mutants of one module; of more a sample is tried")
    parser.add_argument("--like", nargs="+", default=(), help="of the sample only those of which one of these is told")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args(arguments)
    for modules, files in GROUPS:
        if wanted := [m for m in modules if m in chosen.modules]:
            for line in measure(wanted, files, chosen.most, chosen.processes, chosen.like):
                print(line, flush=True)


if __name__ == "__main__":
    main()
