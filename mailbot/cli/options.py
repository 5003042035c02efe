"""Options that several commands share, and the two ways of printing."""

from __future__ import annotations

import json
import logging
import os
import pwd
import re
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from mailbot.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])

config = click.option(
    "--config", "config_file", type=click.Path(path_type=Path, dir_okay=False), help="Settings; default ./mailbot.toml."
)
ROW = click.IntRange(min=1, max=2**63 - 1)  # what both engines can count
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


class Moment(click.ParamType[datetime]):
    """An ISO 8601 moment with its offset, "2026-03-28T12:00:00+01:00"."""

    name = "ISO"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Raises click.BadParameter naming the mend."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a moment; mend: write 2026-03-28T12:00:00+01:00", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} has no offset; mend: write {value}+01:00 (or Z for UTC)", param, ctx)
        return moment


class Span(click.ParamType[timedelta]):
    """A length of time, "30d" or "12h"."""

    name = "SPAN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Raises click.BadParameter naming the mend."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"([0-9]{1,4})([dh])", value)
        if found is None:
            self.fail(f"{value!r} is no length of time; mend: write 30d or 12h", param, ctx)
        return timedelta(**{{"d": "days", "h": "hours"}[found[2]]: int(found[1])})


def since(default: str) -> Callable[[F], F]:
    """``--since``: how far back to look."""
    return click.option("--since", type=Span(), default=default, show_default=True, help="How far back: 30d, 12h.")


def user() -> str:
    """The user of this machine."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def line(value: dict[str, Any]) -> None:
    """One JSON line."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not for JSON")


def not_shown(error: ConfigError) -> None:
    """Say why what is sealed is left out."""
    click.echo(f"mailbot: {error.reason}; what is sealed is not shown", err=True)


def logs(level: int = logging.INFO) -> None:
    """Log lines to stderr: JSON as they are."""
    from mailbot.logs import to  # only few commands have a log

    to(sys.stderr, level)
