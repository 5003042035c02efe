"""``mailbot tickets VERB``: a command for each action of the desk, made of the class it is asked with.

What a class demands is an argument or a required option, what it allows an option; nothing is listed twice. Light to
import: what acts is loaded when something is done.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, get_type_hints

import click

from mailbot.cli import options, ticket_numbers
from mailbot.desk import words
from mailbot.desk.requests import REQUESTS, Action, ActionRequest, File, Reply
from mailbot.model import Defect, Desk, MailKind

VERBS: Mapping[str, Action] = {
    "refuse" if action is Action.REFUSE_NAMED else action.value: action
    for action in Action
    if not action.value.startswith("mail-")
}
MAIL_VERBS: Mapping[str, Action] = {
    action.value.removeprefix("mail-"): action for action in Action if action.value.startswith("mail-")
}
"""Of ``mailbot tickets mail``."""

_METAVARS = {"template": "KIND", "defects": "DEFECT"}
"""Options with more choices than a line of help holds; a wrong one is answered with all of them."""

TYPED: Mapping[Action, str] = {
    **{action: name for name, action in VERBS.items()},
    **{action: f"mail {name}" for name, action in MAIL_VERBS.items()},
}
"""What is typed for an action."""

Former = Callable[[str, Mapping[str, Any]], bool]
"""What a command did before operators were known, given number and options; False: it is the desk's to do."""

_NOT_TYPED = frozenset({"version", "reason", "heard"})
"""The first two every command has. What a caller answered the machine compares, on the screen of the telephone: nobody
says at a shell that it was right."""

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_HELP = {
    "text": "What is written; without it and --file, standard input, where a text is needed.",
    "file": "A file that holds the text, in UTF-8; - for standard input.",
    "to": "To the writer of the letter, or to the login of the account.",
    "files": "A file that goes with it (PDF, PNG, JPEG); may be repeated.",
    "template": "A mail of the rule set in place of a text.",
    "how": "How it ends.",
    "silence": "Why without a mail.",
    "defects": "What is missing; may be repeated.",
    "missing": "What the application lacks, for APP_INCOMPLETE; may be repeated.",
    "waived": "A deviation that the reason explains (tickets show names them); may be repeated.",
    "outcome": "What came of the call.",
}
_NAMES = {"files": "attach", "defects": "defect", "waived": "waive"}
"""Field → option, where one is given for several."""
_CHOICES: Mapping[Any, click.ParamType[Any]] = {
    "template": click.Choice([kind.value for kind in MailKind]),
    "defects": click.Choice([defect.value for defect in Defect]),
    "files": _FILE,
    "desk": click.Choice([desk.value for desk in Desk if desk]),
}

_WORDS = {
    "who": ("--as", "OPERATOR", "In whose name; default: $MAILBOT_OPERATOR."),
    "reason": ("--reason", "TEXT", "Why, for colleagues and auditors; never sent."),
}


def command(action: Action, name: str, former: Former | None = None) -> click.Command:
    """The command that asks for ``action``. ``former``: looked at first."""
    kind = REQUESTS[action]
    hints = get_type_hints(kind)
    fields = [field for field in dataclasses.fields(kind) if field.name not in _NOT_TYPED]
    parameters = [parameter for field in fields for parameter in _parameters(field, hints[field.name], former)]

    @options.config
    @options.as_json
    def run(number: str, **given: Any) -> None:
        if former is not None and former(number, given):
            return
        if not given["who"]:
            raise click.UsageError("nobody is named; mend: --as OPERATOR, or set MAILBOT_OPERATOR")
        if not all(_is_text(value) for value in given.values()):
            raise click.UsageError("what was typed is not UTF-8; mend: use a UTF-8 terminal, or --file")
        wanted = {field.name: _value(field, hints[field.name], given) for field in fields}
        _check(kind, wanted)
        importlib.import_module("mailbot.cli.ticket_acts").act(number, kind, wanted, given)

    label = words.ACTIONS[action].en
    then = words.MEANINGS[action].en
    told = f"{label}. {then[0].upper()}{then[1:]}.\n\n{inspect.getdoc(former) if former else ''}"
    every = [ticket_numbers.argument(), *parameters, *_common()]
    return click.command(name, params=every, help=told, short_help=label)(run)


def _common() -> Iterator[click.Parameter]:
    for name, (option, metavar, told) in _WORDS.items():
        env = "MAILBOT_OPERATOR" if name == "who" else None
        yield click.Option([option, name], metavar=metavar, envvar=env, help=told)
    seen = "The ticket as you saw it (tickets show); default: as it is now."
    yield click.Option(["--version", "version"], type=int, help=seen)
    yield click.Option(["--preview"], is_flag=True, help="Show the mails as the citizen will see them; do nothing.")
    yield click.Option(["--yes"], is_flag=True, help="Do not show the mails and ask before they leave.")


def _parameters(field: dataclasses.Field[Any], hint: Any, former: Former | None) -> Iterator[click.Parameter]:
    """The parameters of one field: of "text" there are two."""
    name, choices = field.name, _choices(field.name, hint)
    demanded = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    several = field.name in ("files", "defects", "missing", "waived")
    if name == "text":
        yield click.Option(["--text", "text"], help=_HELP["text"])
        yield click.Option(["--file", "file"], type=click.File("rb"), help=_HELP["file"])
    elif demanded and not several and not _is_words(hint):
        yield click.Argument([name], type=choices, metavar="OPERATOR" if name == "to" else None)
    else:
        option = f"--{_NAMES.get(name, name).replace('_', '-')}"
        given: dict[str, Any] = {"multiple": several, "required": demanded and former is None, "help": _HELP[name]}
        yield click.Option([option, name], type=choices, metavar=_METAVARS.get(name), **given)


def _is_words(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, StrEnum)


def _choices(name: str, hint: Any) -> Any:
    if _is_words(hint):
        return click.Choice([word.value for word in hint])
    return int if hint is int else _CHOICES.get(name, str)


def _value(field: dataclasses.Field[Any], hint: Any, given: Mapping[str, Any]) -> Any:
    """What the command line says, as the class wants it; what it does not say is as the class has it."""
    said = given[field.name]
    if field.name == "text":
        return _text(field, given)
    if said in (None, ()) and field.default is not dataclasses.MISSING:
        return field.default
    match field.name:
        case "files":
            return tuple(File(path.name, path.read_bytes()) for path in said)
        case "defects":
            return tuple(map(Defect, said))
        case "template":
            return MailKind(said)
        case "waived":
            return frozenset(said)
    if said is None:
        raise click.UsageError(f"--{field.name} is missing; mend: --help names what it may be")
    return hint(said) if _is_words(hint) else said


def _text(field: dataclasses.Field[Any], given: Mapping[str, Any]) -> str:
    if given["text"] is not None and given["file"] is not None:
        raise click.UsageError("--text and --file are two texts; mend: leave one out")
    if given["file"] is not None:
        return _decoded(given["file"].read())
    return given["text"] or ""


def _is_text(value: Any) -> bool:
    """Octets that are no UTF-8 come from the shell as lone surrogates, which nothing can keep."""
    return not isinstance(value, str) or not any("\ud800" <= c <= "\udfff" for c in value)


def _decoded(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise click.UsageError("the text is not UTF-8; mend: save it so") from None


def _check(kind: type[ActionRequest], wanted: dict[str, Any]) -> None:
    """A text that nobody gave comes from standard input where nothing else can be meant."""
    if "text" not in wanted or wanted["text"] or kind.action is Action.CALL:
        return
    if wanted.get("defects") or (issubclass(kind, Reply) and wanted["template"]):
        return
    if sys.stdin.isatty():
        raise click.UsageError("there is no text; mend: --text, --file FILE, or give it on standard input")
    wanted["text"] = _decoded(sys.stdin.buffer.read())
