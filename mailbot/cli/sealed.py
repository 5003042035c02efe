"""What commands that read the database open what is sealed with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import click
from sqlalchemy import Connection

from mailbot.config import Settings
from mailbot.errors import ConfigError
from mailbot.installation import read_keys
from mailbot.secret import NO_KEY, Secret


@contextmanager
def keys(connection: Connection, chosen: Settings, *, needed: bool) -> Iterator[Secret]:
    """Those of the database; NO_KEY where they are not at hand, which is said. Raises ConfigError when they are
    ``needed``."""
    with ExitStack() as stack:
        found = NO_KEY
        try:
            found = stack.enter_context(read_keys(connection, chosen))
        except ConfigError as error:
            if needed:
                raise
            click.echo(f"mailbot: {error.reason}; what is sealed is not shown", err=True)
        yield found
