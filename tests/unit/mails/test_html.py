"""The HTML alternative says what the text says, in plain elements."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.mails.html import from_text
from tests.unit.mails.letters import VARIANTS, WRITER
from tests.unit.mails.test_write import parsed, part

visible = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn"))
VOID = {"meta", "br"}
ALLOWED = {"html", "head", "meta", "title", "body", "p", "br", "h2", "ol", "ul", "li", "a"}


class Reader(HTMLParser):
    """Words of the body and the tags; fails on tags that are not closed in order."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(document)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "body" in self.open:
            self.words += data.split()


@pytest.mark.parametrize("name", VARIANTS)
def test_both_parts_say_the_same(name: str) -> None:
    message = parsed(WRITER.outgoing(*VARIANTS[name]).raw)
    reader = Reader(part(message, "html"))
    assert {tag for tag, _ in reader.tags} <= ALLOWED
    assert ("html", {"lang": VARIANTS[name][1].language}) in reader.tags
    spoken = re.sub(r"^(?:\d+\.|–) ", "", part(message, "plain"), flags=re.MULTILINE)  # HTML numbers and marks items
    assert reader.words == spoken.split()
    links = [attributes["href"] for tag, attributes in reader.tags if tag == "a"]
    assert len(links) == (1 if name.startswith("T3") or "strona" in part(message, "plain") and "T4" in name else 0)


def test_structure() -> None:
    text = (
        "Co dalej\n\n1. Raz\n   dalej.\n2. Dwa.\n   Trzy.\n\n– a\n– b\n\n2. Od dwóch.\n\nhttps://a.example/x?y=1&z=2\n"
    )
    body = from_text("T & <t>", text)
    assert "<title>T &amp; &lt;t&gt;</title>" in body
    assert "<h2>Co dalej</h2>" in body
    assert "<ol>\n<li>Raz\ndalej.</li>\n<li>Dwa.<br>\nTrzy.</li>\n</ol>" in body
    assert "<ul>\n<li>a</li>\n<li>b</li>\n</ul>" in body
    assert '<ol start="2">\n<li>Od dwóch.</li>\n</ol>' in body
    assert '<p><a\nhref="https://a.example/x?y=1&amp;z=2">\nhttps://a.example/x?y=1&amp;z=2</a></p>' in body


@pytest.mark.parametrize("text", ['https://a.example/"onclick="x', "https://a.example/<b>", "javascript:alert(1)"])
def test_what_is_no_clean_link_stays_text(text: str) -> None:
    reader = Reader(from_text("t", text))
    assert [attributes for tag, attributes in reader.tags if tag == "a" and "onclick" in attributes] == []
    assert all(str(a.get("href", "https://")).startswith("https://") for _, a in reader.tags)
    assert " ".join(reader.words) == text


@settings(max_examples=300, deadline=None)
@given(st.text(visible | st.sampled_from("\n<>&\"'1. –"), max_size=200))
def test_any_text_stays_text(text: str) -> None:
    reader = Reader(from_text("t", text))
    assert {tag for tag, _ in reader.tags} <= ALLOWED
