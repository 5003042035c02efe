"""Message-IDs of ours: what is written comes back, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.errors import TemplateError
from mailbot.mails.thread import message_id, parse
from mailbot.model import MailKind

TOKEN = "0123456789abcdef"
numbers = st.integers(1, 10**12 - 1).map(lambda value: f"ZGL{value:07d}")
tokens = st.text("0123456789abcdef", min_size=16, max_size=16)
which = st.just("") | st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)


@given(st.sampled_from(MailKind), numbers, tokens, which, st.booleans())
def test_comes_back_in_any_case(kind: MailKind, number: str, token: str, which: str, upper: bool) -> None:
    written = message_id(kind, number, token, "mail.helpdesk.example", which)
    assert parse(written.upper() if upper else written) == (number, token)


def test_form() -> None:
    assert message_id(MailKind.T2A, "ZGL0000001", TOKEN, "mf.example") == f"<zgl0000001.t2a.{TOKEN}@mf.example>"
    daily = message_id(MailKind.T15, "ZGL0000001", TOKEN, "mf.example", "20251104")
    assert daily == f"<zgl0000001.t15.20251104.{TOKEN}@mf.example>"


@pytest.mark.parametrize("token", ["", "0" * 15, "0" * 17, "g" * 16, "A" * 16, "0" * 15 + "\n"])
def test_needs_a_token(token: str) -> None:
    with pytest.raises(TemplateError, match=r"ZGL0000001.*token"):
        message_id(MailKind.T1, "ZGL0000001", token, "mf.example")


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "<zgl0000001.t1@mf.example>",
        f"zgl0000001.t1.{TOKEN}@mf.example",
        f"<zgl0000001.t1.{TOKEN}@mf.example> ",
        f"<zgl0000001.t1.{TOKEN}@mf.example>\n",
        f"<zgl000001.t1.{TOKEN}@mf.example>",
        f"<zgl0000001.t99.{TOKEN}@mf.example>",
        f"<zgl0000001.{TOKEN}@mf.example>",
        f"<zgl0000001.t1.{TOKEN}0@mf.example>",
        f"<zgl0000001.t1.{TOKEN[1:]}@mf.example>",
        f"<zgl0000001.t1.a.b.{TOKEN}@mf.example>",
        f"<zgl000000\u0661.t1.{TOKEN}@mf.example>",
        f"<zgl0000001.t1.{TOKEN}@>",
        f"<zgl0000001.t1.{TOKEN}@mf.example><zgl0000002.t1.{TOKEN}@mf.example>",
        f"<x.zgl0000001.t1.{TOKEN}@mf.example>",
    ],
)
def test_anything_else_is_foreign(foreign: str) -> None:
    assert parse(foreign) is None


@given(st.text(max_size=80))
def test_never_fails(text: str) -> None:
    assert parse(text) is None
