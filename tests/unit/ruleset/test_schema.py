"""The schemas that editors use, against the readers: the same keys, and no shipped file that they refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mailbot.model import MailKind, Outcome, State
from mailbot.ruleset import loader, meanings, schema
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.findings import Mistakes
from mailbot.ruleset.loader import FILES
from tests.support import ROOT

RULES = ROOT / "rules"
BAD = ROOT / "tests" / "bad_rules"


def plain(node: Node) -> Any:
    """The value of a node in YAML 1.2, as editors read it: yes and no are words, true and false are not."""
    if isinstance(node, MappingNode):
        return {key.value: plain(value) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.value]
    assert isinstance(node, ScalarNode)
    if not node.style and re.fullmatch(r"0|[1-9][0-9]*", node.value):
        return int(node.value)
    return {"true": True, "false": False}.get(node.value, node.value) if not node.style else node.value


def value(file: Path) -> Any:
    root = YamlDocument(file, Mistakes()).root
    assert root is not None
    return plain(root)


@pytest.mark.parametrize("file", FILES)
def test_shipped_files_hold(file: str) -> None:
    found = schema.of(file)
    jsonschema.Draft202012Validator.check_schema(found)
    jsonschema.Draft202012Validator(found).validate(value(RULES / file))


@pytest.mark.parametrize("file", FILES)
def test_the_shipped_schemas_are_these(file: str) -> None:
    """`mailbot rules schema --write` writes them."""
    assert (RULES / "schema" / schema.file_name(file)).read_text(encoding="utf-8") == schema.written(schema.of(file))


@pytest.mark.parametrize("file", FILES)
def test_the_shipped_files_name_their_schema(file: str) -> None:
    first = (RULES / file).read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema=schema/{schema.file_name(file)}"


def test_one_document_for_all() -> None:
    found = json.loads(schema.written(schema.everything()))
    jsonschema.Draft202012Validator.check_schema(found)
    assert list(found["$defs"]) == list(FILES)


WRONG = {
    "applications-mistakes": "applications.yaml",
    "category-name": "categories.yaml",
    "category-none": "categories.yaml",
    "category-of-the-program": "categories.yaml",
    "contacts-without-the-phone": "contacts.yaml",
    "defect-missing": "defects.yaml",
    "defect-unknown": "defects.yaml",
    "difference-without-general": "differences.yaml",
    "fact-unknown": "procedures.yaml",
    "key-unknown": "procedures.yaml",
    "key-unknown-above-a-list": "procedures.yaml",
    "keys-missing": "procedures.yaml",
    "nobody-looks": "procedures.yaml",
    "rules-none": "procedures.yaml",
    "rules-not-a-list": "procedures.yaml",
    "shadow-word": "procedures.yaml",
    "signatures-key-missing": "signatures.yaml",
    "signatures-kind": "signatures.yaml",
    "signatures-nothing": "signatures.yaml",
    "signatures-numbers": "signatures.yaml",
    "state-missing": "procedures.yaml",
    "state-wrong": "procedures.yaml",
    "types-wrong": "procedures.yaml",
    "values-unknown": "procedures.yaml",
    "word-unknown": "procedures.yaml",
    "words-empty": "procedures.yaml",
    "words-unknown-in-list": "procedures.yaml",
    "limits-off": "limits.yaml",
}


@pytest.mark.parametrize("case", WRONG)
def test_a_bad_file_fails(case: str) -> None:
    file = WRONG[case]
    validator = jsonschema.Draft202012Validator(schema.of(file))
    assert not validator.is_valid(value(BAD / case / file))


def test_every_word_has_a_meaning() -> None:
    assert set(meanings.OUTCOMES) == set(Outcome)
    assert set(meanings.STATES) == set(State)
    assert set(meanings.MAILS) == set(MailKind)


def test_the_same_keys_as_the_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every mapping that a reader opens with known keys has these keys, and these required, in the schema."""
    asked: dict[int, tuple[Collection[str], Collection[str]]] = {}
    roots: dict[str, Node] = {}
    entries = YamlDocument.entries

    def noted(
        self: YamlDocument, node: Node, key: str, required: Collection[str], optional: Collection[str] = (), **more: Any
    ) -> dict[str, Node]:
        asked[id(node)] = (required, optional)
        assert self.root is not None
        if Path(self.file).name in FILES:  # a language is for its author, docs/admin.md tells the keys
            roots[Path(self.file).name] = self.root
        return entries(self, node, key, required, optional, **more)

    monkeypatch.setattr(YamlDocument, "entries", noted)
    loader.load(RULES)
    compared = sum(_compare(roots[file], schema.of(file), asked) for file in roots)
    assert set(roots) == set(FILES) - {"categories.yaml"}  # its keys are the admin's own
    assert compared >= len(roots)


def _compare(node: Node, found: dict[str, Any], asked: dict[int, tuple[Collection[str], Collection[str]]]) -> int:
    compared = 0
    found = next((s for s in found.get("anyOf", ()) if s.get("type") == "array"), found)
    if isinstance(node, SequenceNode):
        return sum(_compare(item, found["items"], asked) for item in node.value)
    if not isinstance(node, MappingNode):
        return 0
    if id(node) in asked:
        required, optional = asked[id(node)]
        assert set(found["properties"]) == {*required, *optional}
        assert set(found["required"]) == set(required)
        compared = 1
    for key, value in node.value:
        inner = found.get("properties", {}).get(key.value, found.get("additionalProperties"))
        if isinstance(inner, dict):
            compared += _compare(value, inner, asked)
    return compared
