"""``mailbot rules``: the admins' rule set. Only the list: each command is imported when it is asked for."""

from __future__ import annotations

import click

from mailbot.cli.later import LazyGroup

_LATER = {
    "check": ("rule_check", "Name everything wrong with a rule set: file, line, key and mend"),
    "schema": ("rule_check", "Print the JSON Schema of one file of a rule set, or of all"),
    "test": ("rule_tests", "Decide the cases of FOLDERS and tell which are not as they should be"),
    "case": ("rule_tests", "Print a case for the mail FILE with what becomes of it today"),
    "replay": ("rule_replay", "Decide stored mail again with another rule set"),
    "adopt": ("rule_adopt", "Bring the rule set of this machine into force"),
    "hits": ("rule_hits", "Count for each rule the messages it decided"),
    "letter": ("rule_letter", "Say whether each FILE asks for what case B gives, and what it lacks or says instead"),
}
"""Command → its module, and how its help begins."""


@click.group(cls=LazyGroup, modules=_LATER)
def rules() -> None:
    """Rule set: check it, try it, compare it, before it decides about anybody."""
