"""Whose marks of unsolicited mail count."""

from __future__ import annotations

import pytest

from mailbot.config import AuthenticationSettings, Settings, SpamSettings, load
from mailbot.errors import ConfigError
from mailbot.model import Header
from mailbot.sender.spam import is_marked

MX = (
    b"from out.wp.example (out.wp.example [192.0.2.7]) by mx.office.example with ESMTPS; Mon, 3 Nov 2025 10:15:00 +0100"
)
MARKS = ("X-Spam: yes", "X-MS-Exchange-Organization-SCL: [5-9]")
ABOVE = AuthenticationSettings("mx.office.example")
BELOW = AuthenticationSettings("mx.office.example", placement="below", strips_foreign=True)
MARK, LINE, REST = Header("X-Spam", b" Yes"), Header("Received", MX), Header("Subject", b"x")
FOREIGN = Header("Received", b"from a by filter.elsewhere.example; Mon, 3 Nov 2025 10:14:00 +0100")

CASES = {
    "above our line": ((MARK, LINE, REST), ABOVE, True),
    "SCL": ((Header("x-ms-exchange-organization-scl", b"9"), LINE, REST), ABOVE, True),
    "a low SCL": ((Header("x-ms-exchange-organization-scl", b"-1"), LINE, REST), ABOVE, False),
    "another value": ((Header("X-Spam", b"No"), LINE, REST), ABOVE, False),
    "below our line": ((LINE, MARK, REST), ABOVE, False),
    "below, where our filter writes": ((LINE, MARK, REST), BELOW, True),
    "below, behind the run": ((LINE, REST, MARK), BELOW, False),
    "of a host before ours": ((LINE, MARK, FOREIGN, REST), ABOVE, False),
    "above a line that is not ours": (
        (MARK, FOREIGN, REST),
        AuthenticationSettings("mx.office.example", received_by=("mx.office.example",)),
        False,
    ),
    "no MX of ours is named": ((MARK, LINE, REST), AuthenticationSettings(), False),
}


@pytest.mark.parametrize("name", CASES)
def test_only_a_mark_of_our_own_hosts_counts(name: str) -> None:
    headers, settings, marked = CASES[name]
    assert is_marked(headers, MARKS, settings, None) is marked


def test_without_a_setting_nothing_is_unsolicited() -> None:
    assert Settings().spam == SpamSettings(())
    assert not is_marked((MARK, LINE, REST), (), ABOVE, None)


@pytest.mark.parametrize("mark", ["X-Spam", "X-Spam:", "X-Spam: *", "not a field: x"])
def test_a_mark_names_field_and_value(mark: str) -> None:
    with pytest.raises(ConfigError, match="names no field and value"):
        load(None, {"MAILBOT_SPAM_MARKS": mark})
