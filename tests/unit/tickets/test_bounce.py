"""Return paths that name their ticket, and which reports count."""

from __future__ import annotations

import re

import pytest

from mailbot.model import Attachment, Automatic, Header, InboundMessage
from mailbot.secret import Secret
from mailbot.tickets.bounce import address, ticket_of

SECRET = Secret(b"k" * 32)
OURS = address(SECRET, "helpdesk@office.example", "ZGL0000012")
FAILED = b"Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\nAction: Failed\r\n"


def report(
    status: bytes = FAILED, automatic: Automatic | None = Automatic.REPORT, headers: dict[str, str] | None = None
) -> InboundMessage:
    return InboundMessage(
        tuple(Header(name, value.encode()) for name, value in (headers or {}).items()),
        *("", None, (), (), None, "", ""),
        attachments=(Attachment("", "message/delivery-status", status),),
        automatic=automatic,
    )


def test_the_return_path_names_the_ticket_and_proves_it() -> None:
    assert re.fullmatch(r"helpdesk\+zgl0000012-[0-9a-f]{16}@office\.example", OURS)
    assert len({address(Secret(bytes([n]) * 32), "a@b.example", f"ZGL000000{m}") for n in (1, 2) for m in (1, 2)}) == 4


@pytest.mark.parametrize("path", [OURS, OURS.upper(), f"<{OURS}>", f"<SRS0=abc=xy=office.example={OURS}>"])
def test_a_report_to_our_return_path_counts(path: str) -> None:
    assert ticket_of(SECRET, report(), [path]) == "ZGL0000012"
    assert ticket_of(SECRET, report(), ["other@office.example", path]) == "ZGL0000012"


@pytest.mark.parametrize("name", ["Delivered-To", "X-Original-To", "To"])
def test_without_an_envelope_the_fields_of_the_mta_count(name: str) -> None:
    assert ticket_of(SECRET, report(headers={name: f"Help <{OURS}>"}), []) == "ZGL0000012"


FORGED = {
    "other mark": re.sub("-[0-9a-f]{16}", "-" + "0" * 16, OURS),
    "other ticket": OURS.replace("0000012", "0000013"),
    "mark cut": OURS.replace("@", "")[:-1] + "@office.example",
    "no mark": "helpdesk+zgl0000012@office.example",
    "no tag": "helpdesk@office.example",
    "of another installation": address(Secret(b"x" * 32), "helpdesk@office.example", "ZGL0000012"),
    "empty": "",
}


@pytest.mark.parametrize("path", FORGED.values(), ids=FORGED)
def test_a_forged_return_path_names_nothing(path: str) -> None:
    assert ticket_of(SECRET, report(headers={"To": path}), [path]) is None


def test_only_reports_of_failure_count() -> None:
    assert ticket_of(SECRET, report(status=FAILED.replace(b"Failed", b"delayed")), [OURS]) is None
    assert ticket_of(SECRET, report(automatic=None), [OURS]) is None
    assert ticket_of(SECRET, report(automatic=Automatic.OUT_OF_OFFICE), [OURS]) is None
    assert ticket_of(SECRET, report(headers={"X-Other": OURS}), []) is None


@pytest.mark.timeout(20)
def test_long_nonsense_costs_no_time() -> None:
    paths = ["a" * 2000, "+" * 2000, "a+zgl0000001-" * 150] * 300
    assert ticket_of(SECRET, report(headers={"To": "a" * 16_000}), paths) is None
