"""A YAML file as nodes that know their place, so that every mistake is told with file, line, column and mend.

Nothing is constructed from the file: a word stays the word that was written ("no" is not False, 012 is not 10).
"""

from __future__ import annotations

import difflib
import stat
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mailbot.ruleset.findings import Finding, Level, Mistakes

MAX_BYTES = 524_288
"""A rule file is written by hand: a thousand rules are about 400 kB."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast where libyaml was compiled in, and the same nodes with the same marks."""

_MAX_DEPTH = 10

_MENDS = {
    "mapping values": 'put a text that holds ": " in quotes',
    "'\\t'": "begin lines with spaces, not with tabs",
    "<block end>": "begin the line in the column of those it belongs to",
    "end of stream": "close the quotes",
    "another document": "keep one document: delete the line ---",
}
"""Words of PyYAML about a file that is not YAML → what an admin has most often meant."""


def hint(word: str, known: Iterable[str]) -> str:
    """The mend for an unknown word: the nearest known one, or all of them."""
    words = [w for w in known if w]
    close = difflib.get_close_matches(word, words, n=1)
    return f'did you mean "{close[0]}"?' if close else f"one of {', '.join(words)}"


def read_text(path: Path, mistakes: Mistakes, max_bytes: int = MAX_BYTES) -> str | None:
    """The file's text, or None and a mistake: missing, no ordinary file, too large, or not UTF-8."""

    def wrong(line: int, what: str, mend: str) -> None:
        mistakes.add(Finding(str(path), line, 1, what, mend, code="file"))

    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would keep us waiting, a device has no end
            wrong(1, "is no ordinary file", "put a file there")
            return None
        if status.st_size > max_bytes:
            wrong(1, f"is larger than {max_bytes} bytes", "shorten it")
            return None
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        wrong(1, f"cannot be read ({error.strerror})", "put the file there")
    except UnicodeDecodeError as error:
        wrong(error.object[: error.start].count(b"\n") + 1, "is not UTF-8", "save the file as UTF-8")
    return None


class YamlDocument:
    """One file. Every reading method notes mistakes and gives None (or nothing) in place of a bad or absent value."""

    def __init__(self, path: Path, mistakes: Mistakes, max_bytes: int = MAX_BYTES, *, text: str | None = None) -> None:
        """``text``: of the file, where it has been read before."""
        self.file = str(path)
        self._mistakes = mistakes
        self.text = read_text(path, mistakes, max_bytes) if text is None else text
        self.root = self._compose() if self.text is not None else None

    def wrong(self, node: Node, key: str, what: str, mend: str, code: str = "value") -> None:
        """Note an error at ``node``: the rule set cannot be used. ``key`` is the road to it, ``code`` its kind."""
        self._found(node, key, what, mend, Level.ERROR, code)

    def warn(self, node: Node, key: str, what: str, mend: str, code: str) -> None:
        """Note what an admin has probably not meant; the rule set can be used."""
        self._found(node, key, what, mend, Level.WARNING, code)

    def note(self, node: Node, key: str, what: str, mend: str, code: str) -> None:
        """Note what is worth a look."""
        self._found(node, key, what, mend, Level.NOTE, code)

    def entries(
        self, node: Node, key: str, required: Collection[str], optional: Collection[str] = (), *, what: str = "key"
    ) -> dict[str, Node]:
        """The entries of a mapping with known keys only, each once, the required ones present."""
        found = self.mapping(node, key, what)
        if not isinstance(node, MappingNode):
            return found
        known = [*required, *optional]
        for name_node, _ in node.value:
            name = name_node.value
            if isinstance(name_node, ScalarNode) and name in found and name not in known:
                del found[name]
                self.wrong(
                    name_node, _road(key, name), f'"{name}" is no known {what}', hint(name, known), "unknown-key"
                )
        for name in required:
            if name not in found:
                self.wrong(node, _road(key, name), "is missing", f'write "{name}:" here', "missing-key")
        return found

    def mapping(self, node: Node, key: str, what: str = "key") -> dict[str, Node]:
        """The entries of a mapping, each key once."""
        if not isinstance(node, MappingNode):
            self.wrong(node, key, "must be a mapping", f'write lines of the form "{what}: …"', "type")
            return {}
        found: dict[str, Node] = {}
        for name_node, value in node.value:
            if not isinstance(name_node, ScalarNode):
                self.wrong(name_node, key, f"a {what} must be a word", "write one word before the colon", "type")
            elif name_node.value in found:
                self.wrong(name_node, _road(key, name_node.value), "stands twice", "keep one", "twice")
            else:
                found[name_node.value] = value
        return found

    def items(self, node: Node, key: str) -> list[Node]:
        """The items of a list."""
        if isinstance(node, SequenceNode):
            return list(node.value)
        self.wrong(node, key, "must be a list", 'begin every item with "- ", or write [item, item]', "type")
        return []

    def string(self, node: Node | None, key: str) -> str | None:
        """A text as it is written, not empty, on one line."""
        if node is None:
            return None
        if not isinstance(node, ScalarNode):
            self.wrong(node, key, "must be a text", "put it in quotes", "type")
        elif not node.value.strip() or node.value == "~":
            self.wrong(node, key, "is empty", "write a text", "empty")
        elif not node.value.isprintable():
            self.wrong(node, key, "holds a line break or an invisible character", "write it on one line")
        else:
            return str(node.value)
        return None

    def word(self, node: Node | None, key: str, known: Collection[str], what: str) -> str | None:
        """One of the ``known`` words."""
        if node is None:
            return None
        if not isinstance(node, ScalarNode):
            self.wrong(node, key, "must be one word", f"one of {', '.join(filter(None, known))}", "type")
        elif node.value not in known or (not node.value and not node.style):
            self.wrong(node, key, f'"{node.value}" is not {what}', hint(node.value, known), "unknown-word")
        else:
            return str(node.value)
        return None

    def words(self, node: Node, key: str, known: Collection[str], what: str) -> tuple[str, ...]:
        """A list of known words, none twice."""
        found: list[str] = []
        for item in self.items(node, key):
            word = self.word(item, key, known, what)
            if word in found:
                self.wrong(item, key, f'"{word}" stands twice', "keep one", "twice")
            elif word is not None:
                found.append(word)
        return tuple(found)

    def _compose(self) -> Node | None:
        """The nodes. A file that libyaml refuses is read again by PyYAML itself, whose errors name the place better."""
        assert self.text is not None
        try:
            return self._parsed(self.text, _LOADER)
        except yaml.YAMLError:
            pass
        try:
            return self._parsed(self.text, yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line, column = _place(error.problem_mark)
            self._not_yaml(line, column, f"is not YAML: {error.problem}", _mend(str(error.problem)))
        except yaml.reader.ReaderError as error:
            line = self.text[: error.position].count("\n") + 1
            self._not_yaml(line, 1, "holds a control character", "delete it")
        return None

    def _parsed(self, text: str, loader: Any) -> Node | None:
        if not self._is_plain(text, loader):
            return None
        node = yaml.compose(text, Loader=loader)
        if node is None:
            self._not_yaml(1, 1, "is empty", "take the file shipped with mailbot as a pattern")
        return node

    def _is_plain(self, text: str, loader: Any) -> bool:
        """No anchors, aliases (bombs) or tags, and no nesting that could exhaust the stack; events come one by one."""
        depth = 0
        for event in yaml.parse(text, Loader=loader):
            trick = None
            if getattr(event, "anchor", None):
                trick = "an anchor or alias", "write the text out"
            elif tag := getattr(event, "tag", None):
                trick = f'the tag "{tag}"', "delete it"
            elif isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                trick = ("too deep nesting", "correct the brackets") if depth > _MAX_DEPTH else None
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if trick:
                self._not_yaml(*_place(event.start_mark), f"{trick[0]} is not allowed", trick[1])
                return False
        return True

    def _found(self, node: Node, key: str, what: str, mend: str, level: Level, code: str) -> None:
        line, column = _place(node.start_mark)
        text = f"{key}: {what}" if key else what
        self._mistakes.add(Finding(self.file, line, column, text, mend, level, code))

    def _not_yaml(self, line: int, column: int, what: str, mend: str) -> None:
        self._mistakes.add(Finding(self.file, line, column, what, mend, code="not-yaml"))


def _place(mark: Any) -> tuple[int, int]:
    """Line and column, counted from 1; the start of the file when PyYAML names no place."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _mend(problem: str) -> str:
    return next((mend for said, mend in _MENDS.items() if said in problem), "correct that place")


def _road(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
