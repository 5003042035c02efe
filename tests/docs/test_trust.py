"""docs/trust.md names every code that the verifier can give, with what it decides."""

from __future__ import annotations

import ast
import re

from mailbot.signatures.reasons import MEANINGS, Code
from mailbot.signatures.report import Verdict
from tests.support import ROOT

_PAGE = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
_GIVING = {"unreadable", "_unreadable", "Refused", "BadArchive", "Reason", "_Fault", "_doubt"}
_WORDS = {Verdict.REJECT: "refused", Verdict.MANUAL: "a person"}


def _codes_of_the_format_modules() -> set[str]:
    """String constants among the arguments of what makes a refusal."""
    found: set[str] = set()
    for file in (ROOT / "mailbot" / "signatures").rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        for call in calls:
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if name in _GIVING:
                constants = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                found |= {one for one in constants if re.fullmatch(r"[A-Z]+(?:_[A-Z]+)*", one)}
    return found | {"SIGNATURE_UNREADABLE"}


def test_every_code_of_the_policy_with_its_decision() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| .* \| (refused|a person) \|$", _PAGE, re.MULTILINE))
    assert rows == {str(code): _WORDS[MEANINGS[code].verdict] for code in Code}


def test_every_code_of_the_format_modules() -> None:
    named = re.findall(r"^\| `([A-Z_]+)` \|", _PAGE, re.MULTILINE)
    assert len(named) == len(set(named))
    assert set(named) == _codes_of_the_format_modules() | {str(code) for code in Code}
