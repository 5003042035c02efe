"""The words rules are made of. The one source is the metadata of ``model.Facts``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import cast

from mailbot.model import Facts

FACTS: Mapping[str, tuple[str, ...]] = {f.name: cast(tuple[str, ...], f.metadata["values"]) for f in fields(Facts)}
"""Fact → the words it can take, both in the order of the declaration."""

OPEN: Mapping[str, str] = {f.name: cast(str, more) for f in fields(Facts) if (more := f.metadata.get("more"))}
"""Fact → the file of the rule set that adds words to it."""

Vocabulary = Mapping[str, tuple[str, ...]]
"""Fact → every word it can take with one rule set."""


def words(topics: Iterable[str], services: Iterable[str], languages: Iterable[str] = ()) -> Vocabulary:
    """Every fact with every word it can take, those of the rule set's own topics, services and languages included."""
    added = {"topics.yaml": tuple(topics), "services.yaml": tuple(services), "languages": tuple(languages)}
    return {fact: tuple(dict.fromkeys((*fixed, *added.get(OPEN.get(fact, ""), ())))) for fact, fixed in FACTS.items()}
