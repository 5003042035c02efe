"""fixtures/desk.yaml: the demo plays every action of the desk, and fails when one comes to something else."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from mailbot.cli import demo, demo_desk, demo_play
from mailbot.cli.demo import Fed
from mailbot.console.acts import FIELDS
from mailbot.desk.refusals import REFUSALS
from mailbot.desk.requests import Action
from mailbot.model import MailKind, State
from mailbot.storage.desk import audit
from mailbot.trial import acts
from tests.demos import only
from tests.flow import EWA, mail, running
from tests.support import ROOT

TOLD: dict[str, Any] = yaml.safe_load((ROOT / "fixtures" / "desk.yaml").read_text(encoding="utf-8"))
ACTS: Sequence[Mapping[str, Any]] = TOLD["acts"]
ASIDE = {acts.LOOK, acts.LATER, acts.SEE}
WORDS = {"who", "do", "ticket", "why", "expect"}


def named() -> set[str]:
    """Mails that an act or a letter is about."""
    told = [*ACTS, *(letter["answers"] for letter in TOLD["letters"] if "answers" in letter)]
    return {one[word] for one in told for word in ("ticket", "other") if word in one}


def test_every_action_is_played_and_comes_to_something() -> None:
    done = {act["do"] for act in ACTS if "refused" not in act.get("expect", {})}
    assert done - ASIDE == {action.value for action in Action}
    assert [act for act in ACTS if act["do"] != acts.LATER and not act.get("expect")] == []


@pytest.mark.parametrize("act", ACTS, ids=lambda act: f"{act['do']} {act.get('ticket', '')}")
def test_words(act: Mapping[str, Any]) -> None:
    expect = act.get("expect", {})
    if act["do"] not in ASIDE and act["do"] != Action.CALL:
        assert set(act) - WORDS <= {*FIELDS[Action(act["do"])], "reason"}
    assert act.get("who", TOLD["operators"][0]["name"]) in {person["name"] for person in TOLD["operators"]}
    assert set(expect) <= {"refused", "state", "desk", "owner", "mails", "sent"}
    assert expect.get("refused", "state") in REFUSALS
    assert expect.get("state", State.W_TOKU) in {*State}
    assert {*expect.get("mails", ()), *expect.get("sent", ())} <= {*MailKind}


def test_four_eyes_are_two_people_who_have_looked() -> None:
    refused = {act["expect"]["refused"] for act in ACTS if "refused" in act.get("expect", {})}
    assert refused >= {"both-halves", "not-looked", "supervisor", "unproven", "deviations"}


async def test_an_act_that_comes_to_something_else_is_wrong(tmp_path: Path) -> None:
    async with running(tmp_path) as flow:
        row = await flow.take(mail(EWA.login, "Nie działa formularz.", subject="Pytanie"), EWA.login)
        await flow.decide()
        member = await asyncio.to_thread(demo_desk.hire, flow.parts, TOLD["operators"][0])
        act = {"do": Action.TAKE, "ticket": "q", "who": member.operator.name, "why": "", "expect": {"refused": ""}}
        for who, good in ((member.operator.name, True), ("nobody", False)):
            play = demo_play.Play(flow.parts, demo_desk.Ahead(), [member], {"q": row})
            await play.show(Console(quiet=True), [{**act, "expect": {"owner": who}}])
            assert play.good is good


@pytest.mark.campaign
def test_one_outcome_that_differs_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is played; with one expectation changed exactly that act is wrong, and the demo ends with an error."""
    only(monkeypatch, named())
    seen: list[bool] = []

    async def play(fed: Fed) -> bool:
        good = await demo.played(fed)
        seen.append(good)
        wrong = copy.deepcopy([act for act in ACTS if act["do"] == acts.SEE][:2])
        wrong[1]["expect"]["sent"] = ["T5"]
        again = demo_play.Play(fed.parts, fed.clock, fed.members, fed.rows)
        await again.show(Console(quiet=True), wrong[:1])
        seen.append(again.good)
        await again.show(Console(quiet=True), wrong)
        seen.append(again.good)
        with fed.parts.database.engine.begin() as connection:
            connection.execute(audit.update().where(audit.c.seq == 5).values(reason="nothing happened"))
        seen.append(await demo.proven(fed))
        return again.good

    assert not asyncio.run(demo.run(tmp_path, (0, 0), play))
    assert seen == [True, True, False, False]
    assert list(tmp_path.glob("ZGL*.zip"))
