"""What a process is built with that only understands. It loads no database, and no rules: their folder may just be
refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbot.config import Settings
from mailbot.secret import Secret

if TYPE_CHECKING:
    from mailbot.flow.understand import Understander


def understander(chosen: Settings, key: Secret) -> Understander:
    """``key``: the one that was compared with the database; it is not read anew when the process is started again."""
    from mailbot.flow.understand import Understander
    from mailbot.sender.resolver import DnsResolver, Forbearing

    return Understander(chosen, key, Forbearing(DnsResolver()))
