"""[authentication]: how our MX is described, and what such a description may not be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailbot.cli import cli
from mailbot.config import AuthenticationSettings, load
from mailbot.errors import ConfigError

MX = "mx.urzad.example"


def loaded(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> AuthenticationSettings:
    file = tmp_path / "mailbot.toml"
    file.write_text(f"[authentication]\n{text}\n", encoding="utf-8")
    return load(file, environment or {}).authentication


def test_a_text_and_a_list_do(tmp_path: Path) -> None:
    for written in (f'"{MX}"', f'["{MX}"]', f'"{MX}/job"'):
        assert loaded(tmp_path, f"authserv_id = {written}").authserv_ids == (MX,)
    for written in ('"a.example, b*"', '["a.example", "b*"]'):
        assert loaded(tmp_path, f"received_by = {written}").received_by == ("a.example", "b*")
    assert loaded(tmp_path, "").authserv_ids == ()
    assert loaded(tmp_path, f'authserv_id = "{MX}"').authserv_id == MX


def test_from_the_environment(tmp_path: Path) -> None:
    environment = {
        "MAILBOT_AUTHENTICATION_AUTHSERV_ID": f"{MX}, esa1.urzad.example",
        "MAILBOT_AUTHENTICATION_RECEIVED_BY": "mbox.urzad.example,mx*",
        "MAILBOT_AUTHENTICATION_PLACEMENT": "below",
        "MAILBOT_AUTHENTICATION_STRIPS_FOREIGN": "true",
    }
    found = loaded(tmp_path, "", environment)
    assert found.authserv_ids == (MX, "esa1.urzad.example")
    assert (found.received_by, found.placement, found.missing) == (("mbox.urzad.example", "mx*"), "below", "dkim")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (f'authserv_id = "{MX}"\nplacement = "below"', "placement"),
        ('placement = "beside"', "placement"),
        ('authserv_id = "none"', "authserv_id"),
        ("authserv_id = 4", "authserv_id"),
        ("authserv_id = [4]", "authserv_id"),
        (f'authserv_id = "{MX}"\nreceived_by = ["*", "{MX}"]', "received_by"),
        (f'authserv_id = "{MX}"\nreceived_by = ["*.*", "{MX}"]', "received_by"),
        ('missing = "spf"', "missing"),
    ],
)
def test_what_would_believe_a_sender_or_nobody_is_refused_with_its_mend(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"\[authentication\] {key}: .*mend: "):
        loaded(tmp_path, text)


MAIL = f"""\
Received: from out.wp.example (out.wp.example [192.0.2.10])
\tby {MX} (Postfix) with ESMTPS id DDF7E3226BC; Sun, 29 Nov 2026 22:19:45 +0000 (UTC)
Authentication-Results: {MX}; spf=pass smtp.mailfrom=jan@wp.example; dmarc=pass header.from=wp.example
From: jan@wp.example
To: helpdesk@urzad.example
Date: Sun, 29 Nov 2026 22:19:40 +0000
Subject: x

x
"""


@pytest.mark.parametrize(
    ("text", "proven"), [("", "none"), ('placement = "below"\nstrips_foreign = true', "pass")], ids=["above", "below"]
)
def test_explain_goes_by_the_settings(tmp_path: Path, text: str, proven: str) -> None:
    mail, file = tmp_path / "mail.eml", tmp_path / "mailbot.toml"
    mail.write_text(MAIL, encoding="ascii")
    file.write_text(f'[authentication]\nmissing = "none"\nauthserv_id = "{MX}"\n{text}\n', encoding="utf-8")
    done = CliRunner().invoke(cli, ["explain", str(mail), "--config", str(file), "--json"], catch_exceptions=False)
    assert json.loads(done.output)["facts"]["authentication"] == proven
