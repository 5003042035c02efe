"""The table of actions in docs/operator.md, from the code: ``python -m tests.docs.operator`` renews it."""

from __future__ import annotations

from collections.abc import Collection

from mailbot.desk import roles, words
from mailbot.desk.actions import FROM, NEEDS_REASON
from mailbot.desk.requests import Action
from mailbot.desk.states import CLOSED, GOING, OPEN
from mailbot.model import State
from tests.support import ROOT

PAGE = ROOT / "docs" / "operator.md"
BEGIN, END = "<!-- actions: made from the code -->", "<!-- end of actions -->"


def table() -> str:
    """The table, with the marks around it."""
    lines = ["| word | button | starts from | who | reason | what happens |", "|---|---|---|---|---|---|"]
    for action in Action:
        who = "supervisor" if action in roles.SUPERVISED else "consultant"
        reason = "yes" if action in NEEDS_REASON else ""
        button, then = words.ACTIONS[action], words.MEANINGS[action]
        lines.append(f"| `{action}` | {button.pl} | {_states(FROM.get(action))} | {who} | {reason} | {then.en} |")
    return "\n".join([BEGIN, *lines, END])


def _states(states: Collection[State] | None) -> str:
    if states is None or set(states) == set(State):
        return "any"
    named, rest = [], set(states)
    for name, group in (("any open", OPEN), ("any open that is not stopped", GOING), ("any closed", CLOSED)):
        if rest >= group:
            named.append(name)
            rest -= group
    missing = GOING - set(states)
    if len(missing) == 1 and set(states) < GOING:
        return f"any open that is not stopped, but `{next(iter(missing))}`"
    return ", ".join([*named, *(f"`{state}`" for state in State if state in rest)])


def put(page: str) -> str:
    """``page`` with the table renewed."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{table()}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(put(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
