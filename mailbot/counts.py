"""What this process has counted and measured since its start; /metrics tells it beside the state of the database.

Each process counts what it did itself, and each is asked at a port of its own: what locked processes do is counted by
the parent that gets their answers. A counter begins anew with its process, which ``rate`` and ``increase`` know how to
take. Label values are words of ours; where others have a say in them, only so many are told apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

from mailbot import tracing

disable_created_metrics()  # type: ignore[no-untyped-call]  # as many series again, of which nobody asks
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_MOST = 200  # sets of label values of one counter; the rest is "other"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_LONG = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)


class Tally:
    """A counter. Call it with the values of its labels."""

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self._counter = Counter(f"mailbot_{name}", text, labels, registry=REGISTRY)
        self._labels = labels
        self._series: dict[tuple[str, ...], Counter] = {}

    def expect(self, *values: str) -> None:
        """Begin with 0, not with the first event: an alarm about a series that is not there never rises."""
        self(*values, by=0)

    def __call__(self, *values: object, by: int = 1) -> None:
        """Count ``by`` more."""
        if not self._labels:
            self._counter.inc(by)
            return
        told = tuple(map(str, values))
        series = self._series.get(told)
        if series is None and len(self._series) < _MOST:
            series = self._series[told] = self._counter.labels(*told)
        (series or self._counter.labels(*("other",) * len(told))).inc(by)


def gauge(name: str, text: str, look: Callable[[], float]) -> None:
    """A gauge of this process, looked at with each scrape: one line for whoever has a number to show."""
    Gauge(f"mailbot_{name}", text, registry=REGISTRY).set_function(look)


STEPS = ("store", "understand", "check", "record", "send")
REASONS = (
    *("too-slow", "too-big", "too-many-connections", "too-many-recipients", "no-such-mailbox"),
    *("no-room", "unavailable", "failed"),
)
"""Why mail by LMTP or SMTP was not taken; the last two: the database, and something that nobody foresaw."""

ACCEPTED = Tally("messages_accepted", "Messages stored", "source")
REPEATED = Tally("messages_repeated", "Deliveries that were stored already", "source")
REFUSED = Tally("messages_refused", "Messages and connections that were answered 4xx or 5xx", "source", "reason")
DECIDED = Tally("decisions", "Messages decided", "outcome", "rule")
WATCHED = Tally("shadow_hits", "What rules that are only watched would have done", "outcome", "rule")
SENDERS = Tally("senders", "Whether the domain of the From address vouched for the mail (RFC 8601)", "verdict")
SIGNATURES = Tally("signatures", "What the check of a signed application found", "verdict")
SENDS = Tally("sends", "Tries to send a mail: what became of it, and the code of the server", "result", "code")
RELAY_CONNECTIONS = Tally("relay_connections", "Connections to the outgoing server that were tried")
IMAP_CONNECTIONS = Tally("imap_connections", "Sessions with the IMAP server, from the login on")
IMAP_INTERRUPTIONS = Tally("imap_interruptions", "Why a session with the IMAP server ended", "reason")
PAUSES = Tally("loop_failures", "Steps of a loop that failed and are tried again", "loop")
LOG_LINES = Tally("log_lines", "Lines for the log, those among them that are counted instead of written", "level")

for _level in ("info", "warning", "error", "critical"):
    LOG_LINES.expect(_level)
for _source in ("lmtp", "smtp", "imap"):
    ACCEPTED.expect(_source)
for _reason in ("standby", "claimed", "unavailable", "failed"):
    IMAP_INTERRUPTIONS.expect(_reason)
for _source in ("lmtp", "smtp"):
    for _reason in REASONS:
        REFUSED.expect(_source, _reason)

_STEPS = Histogram(
    "mailbot_step_seconds",
    "How long a step took for one message or mail; of a batch, its share",
    ("step",),
    registry=REGISTRY,
    buckets=_SECONDS,
)
RECORDED_AFTER = Histogram(
    "mailbot_recorded_after_seconds",
    "From the server's yes to a mail to the commit that says so; of those recorded together, the longest",
    registry=REGISTRY,
    buckets=_SECONDS,
)
DECIDED_AFTER = Histogram("mailbot_decided_after_seconds", "From arrival to decision", registry=REGISTRY, buckets=_LONG)
_OF_STEP = {_step: _STEPS.labels(_step) for _step in STEPS}


@contextmanager
def measured(name: str, *inbox_ids: int) -> Iterator[list[int]]:
    """Measures a step of ``STEPS``, also one that fails, and adds it to the traces of these messages. Whose it was may
    be added to what it gives."""
    ids, began, clock = list(inbox_ids), time.monotonic(), time.time_ns()
    try:
        yield ids
    finally:
        took, count = time.monotonic() - began, max(1, len(ids))
        for _ in range(count):
            _OF_STEP[name].observe(took / count)
        for inbox_id in ids:
            tracing.tell(name, inbox_id, clock, clock + int(took * 1e9))
