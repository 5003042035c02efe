"""``mailbot tickets``: the desk from the command line.

Light to import, since a shell asks it at every Tab: what reads or acts is loaded when it is asked for.
"""

from __future__ import annotations

import click

from mailbot.cli import ticket_verbs
from mailbot.cli.later import Later

_LATER = {
    "list": "ticket_lists",
    "find": "ticket_lists",
    "show": "ticket_show",
    "application": "ticket_application",
    "dossier": "dossier",
    "freeze": "ticket_former",
    "release": "ticket_former",
    "close": "ticket_former",
    "restored": "ticket_former",
}
"""Commands that do more than ask for an action → their modules."""


@click.group(cls=Later, modules=_LATER)
def tickets() -> None:
    """Tickets: list, find, show, and everything a person may do with one."""


@tickets.group()
def mail() -> None:
    """A mail of a ticket that has not left: try it again, hold it, cancel it."""


for _name, _action in ticket_verbs.VERBS.items():
    if _name not in _LATER:
        tickets.add_command(ticket_verbs.command(_action, _name))
for _name, _action in ticket_verbs.MAIL_VERBS.items():
    mail.add_command(ticket_verbs.command(_action, _name))
