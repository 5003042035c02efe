"""``python -m tests.chaos.clocked FILE …``: mailbot, its wall clock ahead by the seconds in FILE.

For clocks that somebody sets. libfaketime moves the monotonic clock along, or breaks the locks that wait with a limit.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailbot import observe


def main() -> None:
    """Must be the first that imports anything of mailbot's: the others take the clock as it is then."""
    file = Path(sys.argv.pop(1))
    observe.utc_now = lambda: datetime.now(UTC) + timedelta(seconds=float(file.read_text()))
    from mailbot.cli import main as mailbot

    mailbot()


if __name__ == "__main__":
    main()
