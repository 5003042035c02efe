"""What recent mail says about the settings: the lines that describe it, and where they would believe a sender."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from mailbot.config import AuthenticationSettings, load
from mailbot.model import Header
from mailbot.parsing.headers import split
from mailbot.sender.survey import SurveyedMail, broad, faults, lines, survey

MX = "mx.urzad.example"
NOTHING = AuthenticationSettings()


def received(by: str, client: str = "out.wp.example") -> Header:
    return Header("Received", f" from {client} ({client} [192.0.2.10]) by {by} (Postfix) with ESMTP id 1; now".encode())


def results(name: str = MX) -> Header:
    return Header("Authentication-Results", f" {name}; dkim=none".encode())


def mails(*headers: Header, count: int = 10) -> list[SurveyedMail]:
    return [((*headers, Header("From", b" jan@wp.example")), None)] * count


THEIRS = (received("mx.wp.example"), results("mx.wp.example"), received("pc.wp.example"))


@pytest.mark.parametrize(
    ("headers", "settings"),
    [
        ([results(), received(MX)], {"authserv_id": MX}),
        ([results(), received(MX), *THEIRS], {"authserv_id": MX}),
        ([received(MX), results(), *THEIRS], {"authserv_id": MX, "placement": "below", "strips_foreign": True}),
        (
            [received("box.urzad.example", MX), results(), received(MX), *THEIRS],
            {"authserv_id": MX, "received_by": ("box.urzad.example", MX)},
        ),
        (
            [received("box.urzad.example", MX), received("box.urzad.example", MX), received(MX), results(), *THEIRS],
            {
                "authserv_id": MX,
                "received_by": ("box.urzad.example", MX),
                "placement": "below",
                "strips_foreign": True,
            },
        ),
        ([received(MX), *THEIRS], None),
        ([received("box.inny.example", MX), *THEIRS], None),
        ([received(MX)], None),
        ([], None),
    ],
)
def test_what_nearly_all_mails_have_in_common_is_proposed(
    tmp_path: Path, headers: list[Header], settings: dict[str, object] | None
) -> None:
    found = survey(mails(*headers), NOTHING)
    expected = AuthenticationSettings(**settings) if settings else None  # type: ignore[arg-type]
    assert found.proposal == expected
    assert bool(faults(found, NOTHING)) is bool(settings)
    if found.proposal:
        file = tmp_path / "mailbot.toml"
        file.write_text(lines(found.proposal))
        described = load(file, {}).authentication
        assert described == expected
        after = survey(mails(*headers), described)
        assert (after.counting, after.proposal, faults(after, described)) == (10, None, ())


def test_what_only_some_mails_have_is_not_proposed() -> None:
    mixed = mails(results(), received(MX), count=8) + mails(received(MX), count=2)
    assert survey(mixed, NOTHING).proposal is None


def test_settings_for_another_chain_are_a_fault_and_those_for_none_are_not() -> None:
    found = survey(mails(received(MX), *THEIRS), AuthenticationSettings(authserv_id=MX))
    (wrong,) = faults(found, AuthenticationSettings(authserv_id=MX))
    assert "in 10 of the last 10 mails no field counts" in wrong
    assert faults(survey(mails(received(MX), *THEIRS), NOTHING), NOTHING) == ()
    nobody = AuthenticationSettings(missing="none")
    assert faults(survey(mails(received(MX), *THEIRS), nobody), nobody)
    assert faults(survey([], nobody), nobody) == ()


def test_a_field_that_no_line_of_ours_proves_is_a_fault() -> None:
    settings = AuthenticationSettings(authserv_id=MX)
    (wrong,) = faults(survey(mails(results(), received("store.urzad.example")), settings), settings)
    assert "no Received line of our MX below it" in wrong


@pytest.mark.parametrize(
    ("pattern", "is_broad"),
    [
        (MX, False),
        ("*", True),
        ("mx*", True),
        ("mx?", True),
        ("*.pl", True),
        ("*.urzad.*", True),
        ("*.urzad.example", False),
        ("mx?.urzad.example", False),
        ("mx-*.a.b.urzad.example", False),
        ("10.1.*", False),
        ("172.20.*", False),
        ("172.2.*", True),
        ("192.0.2.*", True),
        ("d0c0ffee*", False),
        ("2002:a05:*", False),
        ("mailserver*", True),
    ],
)
def test_patterns_that_a_stranger_s_host_fits(pattern: str, *, is_broad: bool) -> None:
    settings = AuthenticationSettings(authserv_id=MX, received_by=(pattern,))
    assert broad(settings) == ((pattern,) if is_broad else ())
    assert bool(faults(survey([], settings), settings)) is is_broad


EXPECTED = {
    "c3": (),
    "c4": (),
    "c5": ("below",),
    "c7": ("mbox.helpdesk.example", "mx.helpdesk.example"),
    "c12": ("mx.helpdesk.example", "localhost", "mx.helpdesk.example", "below"),
    "e1": (),
}
"""Chain of the corpus → received_by, and below where the fields stand there."""


def test_the_chains_of_real_servers_are_found_whatever_senders_inject(corpora: Path) -> None:
    if not (corpora / "mx").is_dir():
        pytest.skip("the corpus of mail servers is not here")
    chains: dict[str, list[SurveyedMail]] = defaultdict(list)
    for file in sorted((corpora / "mx").glob("*.eml")):
        chains[file.name.partition("-")[0]].append((split(file.read_bytes()).fields, None))
    for name, expected in EXPECTED.items():
        found = survey(chains[name], NOTHING).proposal
        assert found is not None, name
        assert found.authserv_id == "mx.helpdesk.example"
        assert (*found.received_by, *(["below"] if found.placement == "below" else [])) == expected, name
