"""``mailbot tickets``: the desk from the command line.

Light to import, since a shell asks it at every Tab: what reads or acts is loaded when it is asked for.
"""

from __future__ import annotations

import click

from mailbot.cli import ticket_verbs
from mailbot.cli.later import Group, LazyGroup

_LATER = {
    "list": ("ticket_lists", "List tickets, newest first; or what is to be done, by deadline"),
    "find": ("ticket_lists", "Find tickets by WORDS: a number in any spelling, an address, a day, or a name"),
    "export": ("ticket_export", "Write every ticket to stdout: JSON lines, or CSV"),
    "show": ("ticket_looks", "Show a ticket: letter, application, signer and account side by side"),
    "application": (
        "ticket_looks",
        "Write the pictures and the text of the application of ticket NUMBER into a folder",
    ),
    "dossier": (
        "ticket_looks",
        "Write the letters, facts, rule, signatures, mails and actions of ticket NUMBER into one file",
    ),
    "freeze": ("ticket_former", "Stop ticket NUMBER as a user of this machine"),
    "release": ("ticket_former", "Release"),
    "close": ("ticket_former", "Close without a mail"),
    "restored": (
        "ticket_former",
        "After a restore, before mailbot starts: leave out numbers that were given since, stop what waits",
    ),
}
"""Commands that do more than ask for an action → their modules, and how their help begins."""


@click.group(cls=LazyGroup, modules=_LATER)
def tickets() -> None:
    """Tickets: list, find, show, and everything a person may do with one."""


@tickets.group(cls=Group)
def mail() -> None:
    """A mail of a ticket that has not left: try it again, hold it, cancel it."""


for _name, _action in ticket_verbs.VERBS.items():
    if _name not in _LATER:
        tickets.add_command(ticket_verbs.command(_action, _name))
for _name, _action in ticket_verbs.MAIL_VERBS.items():
    mail.add_command(ticket_verbs.command(_action, _name))
