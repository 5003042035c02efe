"""``python -m tests.chaos.clocked FILE …``: mailbot, its wall clock ahead by the seconds in FILE.

For clocks that somebody sets. libfaketime moves the monotonic clock along, or breaks the locks that wait with a limit.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta

from mailbot import observe


def main() -> None:
    """Must be the first that imports anything of mailbot's: the others take the clock as it is then."""
    file = os.open(sys.argv.pop(1), os.O_RDONLY)  # now: there may be no descriptor left later
    observe.utc_now = lambda: datetime.now(UTC) + timedelta(seconds=float(os.pread(file, 64, 0)))
    from mailbot.cli import main as mailbot

    mailbot()


if __name__ == "__main__":
    main()
