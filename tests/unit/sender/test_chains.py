"""Whose fields count behind the mail servers that offices run: every MX a file of ``chains``, and enemies on each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mailbot.config import AuthenticationSettings
from mailbot.model import Authentication, AuthResult, Header
from mailbot.sender import chain
from mailbot.sender.results import conclude

DOMAIN = "wp.example"
PASS = AuthResult.PASS
BODY = (Header("From", b" jan@wp.example"), Header("Subject", b" x"), Header("To", b" helpdesk@urzad.example"))


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    settings: AuthenticationSettings
    headers: tuple[Header, ...]
    result: AuthResult
    stripped: bool
    """Did the filter of the MX run?"""


def _settings(told: dict[str, Any]) -> AuthenticationSettings:
    lists: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
    return AuthenticationSettings(**lists)


def _headers(text: str) -> tuple[Header, ...]:
    fields = re.split(r"\n(?![ \t])", text.strip("\n"))
    return tuple(Header(name, value.encode()) for name, _, value in (field.partition(":") for field in fields))


def _cases() -> list[Case]:
    found = []
    for file in sorted((Path(__file__).parent / "chains").glob("*.yaml")):
        told = yaml.safe_load(file.read_text(encoding="utf-8"))
        for mail in told["mails"]:
            headers = (*_headers(mail["header"]), *BODY)
            name = f"{file.stem}: {mail['name']}"
            result, stripped = AuthResult(mail["result"]), mail.get("filter") != "down"
            found.append(Case(name, _settings(told["settings"]), headers, result, stripped))
    return found


CASES = _cases()


def verdict(headers: tuple[Header, ...], settings: AuthenticationSettings) -> Authentication:
    reading = chain.read(headers, settings)
    if not reading.reports:
        assert reading.why
        return Authentication(AuthResult.NONE, reading.why)
    return conclude(reading.reports, DOMAIN, together=reading.edge is not None)


def test_what_a_doctor_is_told() -> None:
    """Which line was the edge, which field counts, which one of our name does not, which host may be deceived."""
    cases = {case.name: case for case in CASES}
    case = cases["cisco: through one node, the sender wrote field and line of the other"]
    reading = chain.read(case.headers, case.settings)
    assert (reading.why, reading.edge, reading.counted, reading.refused) == ("", 2, (1,), (3,))
    assert reading.unattested == ()
    case = cases["exchange_online: signed, SPF and DMARC"]
    assert chain.read(case.headers, case.settings).unattested == (0, 1, 2)
    case = cases["inner_hosts: a stranger reaches the inner host and writes the edge line himself"]
    reading = chain.read(case.headers, case.settings)
    assert reading.why == "Received line 1 from the top took the mail from a host that is not ours"
    assert (reading.edge, reading.counted, reading.refused) == (None, (), (1,))
    case = cases["inner_hosts: the edge is the only line"]
    reading = chain.read(case.headers, case.settings)
    assert reading.why == "Received line 1 from the top is not by the host that the settings name there"
    short = chain.read(case.headers, AuthenticationSettings("mx.urzad.example", ("mx.urzad.example", "x")))
    assert short.why == "Received line 1 from the top took the mail from a host that is not ours"
    assert chain.read((), AuthenticationSettings("mx", ("mx",))).why == (
        "the Received lines end before the host that the settings name last"
    )
    assert chain.read((), AuthenticationSettings()).why == "no authserv-id is configured"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_mail_of_every_mx(case: Case) -> None:
    assert verdict(case.headers, case.settings).result is case.result


GOOD = "spf=pass smtp.mailfrom=jan@wp.example; dkim=pass header.d=wp.example; dmarc=pass header.from=wp.example"
_SPELLINGS = ("{}", "{}/1", "{} 1", "(x) {}", '"{}"', "\r\n\t{}", "{}.", "{} (x)", "x@{}", "{}\x00", "{}\x0b", "\xa0{}")
_LINES = (
    "from out.wp.example (out.wp.example [192.0.2.10]) by {0} (Postfix) with ESMTP id 4; now",
    "from localhost (localhost [127.0.0.1]) by {0} with LMTP id 4; now",
    "from {0} ({0} [10.0.0.5])\r\n\tby {0} (Postfix) with ESMTP id 4; now",
    "by {0} with SMTP id 4; now",
    "from x (by y) by {0}; now",
    'from "x (" by {0}; now',
    "from x by y (x) by {0}; now",
    "FROM x BY {0}; now",
    "from x (x [::1]) by [{0}]; now",
    "(by y) by {0}",
    "from x for <by {0}>; by {0}",
)


def _strange(name: str) -> list[str]:
    """The name as a reader of one kind or another may take it for ours."""
    return [name, name.upper(), name.replace("k", "\N{KELVIN SIGN}"), name.replace("e", "\N{CYRILLIC SMALL LETTER IE}")]


def _enemy(settings: AuthenticationSettings) -> st.SearchStrategy[Header]:
    """Fields that a sender would write to be taken for ours."""
    hosts = [p.replace("*", "x").replace("?", "1") for p in settings.received_by or settings.authserv_ids]
    spelt = [s.format(name) for name in settings.authserv_ids for name in _strange(name) for s in _SPELLINGS]
    results = st.sampled_from([f" {s}; {GOOD}" for s in spelt] + [f" {GOOD}"])
    lines = st.sampled_from([f" {line.format(n)}" for host in hosts for n in _strange(host) for line in _LINES])
    spf = " Pass (mailfrom) identity=mailfrom; client-ip={}; envelope-from=jan@wp.example; receiver=mx.urzad.example"
    return st.one_of(
        st.builds(
            Header, st.sampled_from(["Authentication-Results", "authentication-results"]), results.map(str.encode)
        ),
        st.builds(Header, st.just("Received"), lines.map(str.encode)),
        st.sampled_from(
            [
                *(
                    Header("Received-SPF", spf.format(a).encode())
                    for a in ("192.0.2.10", "198.51.100.66", "10.0.0.5", "")
                ),
                Header("ARC-Authentication-Results", f" i=1; {settings.authserv_ids[0]}; {GOOD}".encode()),
                Header("Authentication-Results-Original", f" {settings.authserv_ids[0]}; {GOOD}".encode()),
                Header("DKIM-Signature", b" v=1; a=rsa-sha256; d=wp.example; s=rsa; h=from; bh=a; b=XyvdPrXz"),
                Header("Return-Path", b" <jan@wp.example>"),
                Header("X-Received", b" by mx.urzad.example"),
            ]
        ),
    )


def _left(header: Header, settings: AuthenticationSettings) -> bool:
    """Does an MX that removes foreign fields leave this one? Filters compare the name as they write it themselves."""
    return not (settings.strips_foreign and header.name.lower() == "authentication-results") or (
        header.value.partition(b";")[0].strip().decode() not in settings.authserv_ids
    )


@given(st.data())
def test_nothing_that_a_sender_writes_proves_him(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from([c for c in CASES if c.stripped and any(h.name == "Received" for h in c.headers)]))
    reading = chain.read(case.headers, case.settings)
    received = [i for i, h in enumerate(case.headers) if h.name == "Received"]
    from_outside = next((i for i in received if b"198.51.100." in case.headers[i].value), received[0])
    first = 1 + max(from_outside if reading.edge is None else reading.edge, *reading.counted, 0)
    headers = list(case.headers)
    for header in data.draw(st.lists(_enemy(case.settings).filter(lambda h: _left(h, case.settings)), max_size=8)):
        headers.insert(data.draw(st.integers(first, len(headers))), header)
    found = verdict(tuple(headers), case.settings).result
    if case.settings.placement == "above":
        assert found is case.result
    elif case.result is not PASS:
        assert found is not PASS
