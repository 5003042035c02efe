"""The forms of the actions: which fields each has, and the request they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mailbot.desk import requests as r
from mailbot.desk.drafts import Draft
from mailbot.desk.requests import Action, ActionRequest
from mailbot.model import Defect, MailKind

FIELDS: Mapping[Action, tuple[str, ...]] = {
    Action.TAKE: (),
    Action.GIVE: ("colleague",),
    Action.PUT_BACK: (),
    Action.ASSIGN: ("desk",),
    Action.NOTE: ("text",),
    Action.REPLY: ("to", "text", "template", "files"),
    Action.REPLY_AND_CLOSE: ("to", "text", "template", "files", "how"),
    Action.ASK: ("to", "defects", "missing", "text", "files"),
    Action.REFUSE_NAMED: ("defects", "missing"),
    Action.REFUSE_GENERIC: ("reason",),
    Action.ACCEPT_A: ("waived", "reason"),
    Action.ACCEPT_B: ("old_login", "waived", "reason"),
    Action.CONFIRM_B: ("old_login", "waived", "reason"),
    Action.WITHDRAW_B: ("reason",),
    Action.STOP: ("reason",),
    Action.RELEASE: ("reason",),
    Action.OUT_OF_QUARANTINE: ("reason",),
    Action.OUT_OF_LIMIT: ("reason",),
    Action.CLOSE: ("how", "silence", "reason"),
    Action.REOPEN: ("reason",),
    Action.ANSWER_COMPLAINT: ("to", "text", "files"),
    Action.MERGE: ("other", "reason"),
    Action.SPLIT: ("letter", "reason"),
    Action.LINK: ("other", "reason"),
    Action.MAIL_RETRY: ("mail", "reason"),
    Action.MAIL_HOLD: ("mail", "reason"),
    Action.MAIL_CANCEL: ("mail", "reason"),
    Action.TAKE_BACK: (),
}
"""Action → the fields of its form, in order. What is asked of a caller (call) has a screen of its own."""

WRITES = frozenset(
    {
        *(Action.REPLY, Action.REPLY_AND_CLOSE, Action.ASK, Action.REFUSE_NAMED, Action.REFUSE_GENERIC),
        *(Action.ACCEPT_A, Action.CONFIRM_B, Action.ANSWER_COMPLAINT),
    }
)
"""Actions with mails: what leaves is shown before it does."""

TOGETHER = frozenset({"defects", "missing", "waived"})
"""Fields of several ticks."""


class Unfit(ValueError):
    """A field holds what its form cannot have sent."""


def request(action: Action, version: int, draft: Draft) -> ActionRequest:
    """The request that the fields of a form make. Raises Unfit."""
    values: dict[str, Any] = {"version": version}
    for name in FIELDS[action]:
        read = _READ.get(name)
        try:
            found = read(draft) if read else draft.one(name)
        except ValueError as error:
            raise Unfit(name) from error
        values[_NAMES.get(name, name)] = found
    return r.REQUESTS[action](**values)


def _template(draft: Draft) -> MailKind | None:
    return MailKind(draft.one("template")) if draft.one("template") else None


_READ: Mapping[str, Callable[[Draft], Any]] = {
    "to": lambda d: r.To(d.one("to") or r.To.CORRESPONDENT),
    "template": _template,
    "files": lambda d: d.files,
    "how": lambda d: r.How(d.one("how")),
    "silence": lambda d: r.Silence(d.one("silence")),
    "defects": lambda d: tuple(Defect(word) for word in d.fields.get("defects", ())),
    "missing": lambda d: d.fields.get("missing", ()),
    "waived": lambda d: frozenset(d.fields.get("waived", ())),
    "letter": lambda d: int(d.one("letter")),
    "mail": lambda d: int(d.one("mail")),
}
_NAMES = {"colleague": "to"}
