"""Every refusal has a sentence, and every action that is not offered a reason."""

from __future__ import annotations

import re
from pathlib import Path

import mailbot.desk
from mailbot.desk import offers, refusals
from mailbot.desk.requests import Action
from tests.bench_desk import ANNA, PEOPLE, SIGNED, Bench

FILES = sorted(Path(mailbot.desk.__file__).parent.glob("*.py"))


def test_every_code_that_is_refused_with_has_its_sentence() -> None:
    refused = re.compile(r'(?:Refusal\(|return )"([a-z]+(?:-[a-z]+)+|state|reason|empty|desk|role|held)"')
    codes = {code for file in FILES for code in refused.findall(file.read_text(encoding="utf-8"))}
    assert len(codes) > 60
    assert codes - set(refusals.REFUSALS) == set()


def test_what_is_not_offered_says_why(bench: Bench) -> None:
    bench.question()
    bench.review_a()
    bench.review_b(SIGNED)
    bench.letter(auth="fail")
    for zgl in ("1", "2", "3", "4"):
        case = bench.case(zgl)
        for who in PEOPLE:
            kept = offers.withheld(case, who)
            assert set(offers.offered(case, who)) == set(Action) - set(kept)
            for why in kept.values():
                for language in ("pl", "en"):
                    assert refusals.sentence(why, language)
    assert offers.withheld(bench.case("1"), ANNA)[Action.ACCEPT_A].code == "no-procedure"
    assert offers.withheld(bench.case("2"), ANNA)[Action.ACCEPT_B].code == "not-case-b"
    assert offers.withheld(bench.case("3"), ANNA)[Action.RELEASE].code in ("state", "supervisor")
