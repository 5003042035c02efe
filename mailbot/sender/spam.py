"""Did the office's own filter mark a mail as unsolicited? Only fields that our hosts wrote are looked at: a sender may
write any, and so may the filter of a host before ours."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from mailbot.config import AuthenticationSettings
from mailbot.model import Header
from mailbot.sender import chain


def is_marked(
    headers: Sequence[Header], marks: Sequence[str], settings: AuthenticationSettings, mail_from: str | None
) -> bool:
    """``marks``: "Name: value", where the value may hold * ? and [5-9]; case does not matter."""
    if not marks:
        return False
    wanted = [(name.strip().lower(), value.strip().lower()) for name, _, value in (m.partition(":") for m in marks)]
    return any(
        name == header.name.lower() and fnmatchcase(header.value.decode("latin-1").strip().lower(), value)
        for header in (headers[place] for place in chain.read(headers, settings, mail_from).ours)
        for name, value in wanted
    )
