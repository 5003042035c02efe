"""An old login that a line's end parts at its hyphen: the account tells whether it was read rightly, else a person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailbot.flow import facts
from mailbot.flow.decision import decide
from mailbot.model import Account, Duplicate
from tests.once import shipped
from tests.total_table import LOST, understanding

ANOTHERS = replace(LOST, given="Barbara", surname="Obca", pesel_hash="9" * 64)


@pytest.mark.parametrize("parted", [False, True])
@pytest.mark.parametrize(("account", "otherwise"), [(LOST, "OK_B"), (None, "REJ_GENERIC"), (ANOTHERS, "REJ_GENERIC")])
def test_nobody_is_told_that_he_has_no_login_for_the_sake_of_a_line(
    account: Account | None, otherwise: str, parted: bool
) -> None:
    u = understanding(("EXACT", "NOT_LOGIN", "B", "OK", "QUALIFIED_OK", "NONE"))
    u = replace(u, checked=replace(u.checked, parted_login=parted))
    gathered, defects = facts.gather(u, account, Duplicate.NO, facts.NO_HISTORY)
    category = facts.category(u)
    found = decide(gathered, defects, category, shipped(), None)
    assert found.outcome == ("REVIEW" if parted and otherwise != "OK_B" else otherwise)
