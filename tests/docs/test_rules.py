"""docs/rules.md says what the code says."""

from __future__ import annotations

from tests.docs.rules import page
from tests.support import ROOT


def test_page_is_the_one_the_vocabulary_gives() -> None:
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == page() + "\n", (
        "mend: python -m tests.docs.rules > docs/rules.md"
    )
