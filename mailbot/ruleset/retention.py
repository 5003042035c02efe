"""rules/retention.yaml: after how many days what is erased.

Each class has a floor, below which something that still runs would break: links, limits and questions of seven days, a
second copy of a mail, a request of the API that comes again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from mailbot.ruleset import values
from mailbot.ruleset.document import YamlDocument

MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class _Class:
    about: str
    least: int


CLASSES: Mapping[str, _Class] = {
    "granted": _Class("closed tickets with an activation link, and their messages", 30),
    "refused": _Class("closed tickets of both procedures without one", 30),
    "other": _Class("closed tickets of everything else", 30),
    "quarantine": _Class("tickets in quarantine that nobody has taken, and their messages", 30),
    "without_ticket": _Class("messages that got no ticket: spam, and what machines wrote", 30),
    "application_views": _Class("pictures and text of applications, of closed tickets", 30),
    "drafts": _Class("what a person has typed and not sent", 1),
    "probes": _Class("probe mails", 1),
    "webhooks": _Class("events that CSD has taken", 7),
    "api_answers": _Class("answers of the API that are kept for a request that comes again", 2),
}
"""Key → what is erased. What no class names, an open ticket above all, is never erased by its age."""


def read(document: YamlDocument) -> Mapping[str, timedelta]:
    """Class → age; one that is not there is kept for good. What is wrong is noted in the document's mistakes."""
    if document.root is None:
        return {}
    found = {}
    for key, node in document.entries(document.root, "", (), tuple(CLASSES)).items():
        days = values.number(document, node, key, CLASSES[key].least, MOST_DAYS)
        if days is not None:
            found[key] = timedelta(days=days)
    return found
