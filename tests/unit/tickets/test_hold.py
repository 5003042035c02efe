"""Which mails may stop a change: they answer our warning (T14, T19) or name the ticket."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailbot.model import Automatic, InboundMessage, Subject, SubjectClass
from mailbot.tickets.marks import asked_to_stop

OTHER = Subject(SubjectClass.OTHER, "STOP")


def answering(*ids: str) -> InboundMessage:
    return InboundMessage((), "STOP", None, ids[:1], ids[1:], None, "STOP", "STOP")


@pytest.mark.parametrize(
    "warning",
    [
        "<zgl0000001.t14.0123456789abcdef@helpdesk.example>",
        "<zgl0000001.t19.0123456789abcdef@helpdesk.example>",
        "<ZGL0000001.T14.0123456789ABCDEF@HELPDESK.EXAMPLE>",
        "<zgl0000001.t14@helpdesk.example>",  # a warning sent before Message-IDs had a token
    ],
)
def test_an_answer_to_a_warning(warning: str) -> None:
    assert asked_to_stop(answering(warning), OTHER) == ("ZGL0000001",)
    assert asked_to_stop(answering("<inna@wp.example>", warning), OTHER) == ("ZGL0000001",)


@pytest.mark.parametrize(
    "other",
    [
        "<zgl0000001.t1.0123456789abcdef@helpdesk.example>",
        "<zgl0000001.t140.0123456789abcdef@helpdesk.example>",
        "<zgl0000001.t14.0123456789abcde@helpdesk.example>",
        "<zgl0000001.t14.x.0123456789abcdef@helpdesk.example>",
        "<zgl001.t14.0123456789abcdef@helpdesk.example>",
        "zgl0000001.t14.0123456789abcdef@helpdesk.example",
    ],
)
def test_an_answer_to_anything_else(other: str) -> None:
    assert asked_to_stop(answering(other), OTHER) == ()


def test_a_number_in_the_subject() -> None:
    named = Subject(SubjectClass.ZGL, "STOP ZGL0000002", tickets=("ZGL0000002",))
    answer = answering("<zgl0000001.t14.0123456789abcdef@helpdesk.example>")
    assert asked_to_stop(answer, named) == ("ZGL0000001", "ZGL0000002")


def test_a_machine_stops_nothing() -> None:
    """An absence notice of the old login quotes the warning too. Who may be a person is heard."""
    answer = answering("<zgl0000001.t14.0123456789abcdef@helpdesk.example>")
    heard = {kind for kind in Automatic if asked_to_stop(replace(answer, automatic=kind), OTHER)}
    assert heard == {Automatic.MAYBE}
