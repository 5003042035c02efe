"""What came before the mails of the citizens' corpus that cannot be decided alone: the files of ``explain --state``.

The corpus tells the history in words ("on the fifth day"); here it is in tickets and mails.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.explain import RECEIVED

Past = dict[str, list[dict[str, Any]]]

NOW = datetime.fromisoformat(RECEIVED)
JAN = "jan.kowalski@wp.example"


def _ticket(state: str, answered_days_ago: int | None = None) -> Past:
    """Jan's ticket, which the mails of the corpus name."""
    ticket = {
        "number": "ZGL2329987",
        "correspondent": JAN,
        "category": "HASLO_AWARYJNE_A",
        "state": state,
        "opened": _ago(days=7),
    }
    answered = {} if answered_days_ago is None else {"answered": _ago(days=answered_days_ago)}
    return {"tickets": [ticket | answered]}


def _ago(**span: float) -> str:
    return (NOW - timedelta(**span)).isoformat()


TICKETS: dict[str, Past] = {
    "C132": _ticket("OCZEKUJE_NA_KLIENTA"),  # "Przesyłam brakujący rok": we had asked
    "C133": _ticket("W_TOKU"),
    "C134": _ticket("W_TOKU"),  # there are tickets, but not that one
    "C135": _ticket("ZAMKNIETE_ROZWIAZANE", answered_days_ago=2),
    "C136": _ticket("ZAMKNIETE_ROZWIAZANE", answered_days_ago=5),
    "C137": _ticket("ZAMKNIETE_ROZWIAZANE", answered_days_ago=1),
}
"""Entry → the ticket that was there."""

COUNTS: dict[str, Past] = {
    "C154": {  # the 6th mail in an hour: three names were tried, then the limit held
        "mails": [
            {"from": "zly@zle.example", "received": _ago(minutes=40), "outcome": "REJ_GENERIC", "times": 3},
            {"from": "zly@zle.example", "received": _ago(minutes=20), "outcome": "RATE_LIMITED", "times": 2},
        ]
    }
}
"""Entry → mails of which only the number matters."""

AGAIN = {"C123": timedelta(minutes=10), "C155": timedelta(minutes=1)}
"""Entry → how long ago the same came before."""
NEW_MESSAGE = frozenset({"C123"})
"""Of these, the ones that were written again; the others are the same octets."""


def write(entry_id: str, mail: Path, again: bytes, elsewhere: Path) -> None:
    """Write the history of the entry beside its mail, when it has one.

    ``again``: the same mail under another Message-ID. It is kept in the folder ``elsewhere``, because everything beside
    the mail is explained itself.
    """
    past = {**TICKETS, **COUNTS}.get(entry_id)
    if entry_id in AGAIN:
        earlier = mail
        if entry_id in NEW_MESSAGE:
            earlier = elsewhere / mail.name
            earlier.write_bytes(again)
        past = {"mails": [{"file": str(earlier), "received": (NOW - AGAIN[entry_id]).isoformat()}]}
    if past:
        mail.with_suffix(".state.yaml").write_text(yaml.safe_dump(past), encoding="utf-8")


def category(entry: dict[str, Any]) -> str:
    """The expected category; of a reply that of the ticket it belongs to."""
    told = str(entry["expect"]["category"])
    return str(TICKETS[entry["id"]]["tickets"][0]["category"]) if told == "(from the ticket)" else told
