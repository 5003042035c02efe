"""The HTML alternative says what the text says, in plain elements."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.mails import html
from mailbot.mails.html import from_text
from tests.support import examples
from tests.unit.mails.letters import VARIANTS, WRITER
from tests.unit.mails.test_write import parsed, part

visible = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn"))
VOID = {"meta", "br"}
PHONES = {"tel:+48334832055", "tel:+48224605970"}
ALLOWED = {"html", "head", "meta", "title", "style", "body", "p", "br", "h2", "ol", "ul", "li", "a", "strong"}


class Reader(HTMLParser):
    """Words of the body and the tags; fails on tags that are not closed in order."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(document)
        self.close()
        self.words = self.said.split()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "body" in self.open:
            self.said += data


@pytest.mark.parametrize("name", VARIANTS)
def test_both_parts_say_the_same(name: str) -> None:
    message = parsed(WRITER.outgoing(*VARIANTS[name]).raw)
    reader = Reader(part(message, "html"))
    assert {tag for tag, _ in reader.tags} <= ALLOWED
    assert ("html", {"lang": VARIANTS[name][1].language}) in reader.tags
    spoken = re.sub(r"^(?:\d+\.|–) ", "", part(message, "plain"), flags=re.MULTILINE)  # HTML numbers and marks items
    assert reader.words == spoken.split()
    links = [str(attributes["href"]) for tag, attributes in reader.tags if tag == "a"]
    alone = re.findall(r"^https://\S+$", part(message, "plain"), flags=re.MULTILINE)
    assert [link for link in links if link in alone] == alone
    assert {link for link in links if link not in alone} <= {"https://puesc.gov.pl", *PHONES}
    assert PHONES & set(links)


@pytest.mark.parametrize(
    ("name", "strong"),
    [
        ("T1", ["ZGL0000001", "5 listopada 2025 r."]),
        ("T2A", ["ZGL0000001", "5 listopada 2025 r., godz. 14:05", "7 listopada 2025 r."]),
        ("T9-english", ["ZGL0000001", "19 November 2025"]),
    ],
)
def test_number_and_deadline_are_set_off_once(name: str, strong: list[str]) -> None:
    document = part(parsed(WRITER.outgoing(*VARIANTS[name]).raw), "html")
    assert re.findall(r"<strong>(.*?)</strong>", document) == strong


def test_words_inside_others_are_no_links() -> None:
    body = from_text(
        "t", "https://a.example/x a.https://a.example i https://a.example.", links={"https://a.example": "L"}
    )
    assert body.count("<a ") == 1
    assert '<a href="L">https://a.example</a>.' in body
    assert from_text("t", "a & b", strong=["a & b"]).count("<strong>a &amp; b</strong>") == 1


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


@settings(max_examples=examples(300), deadline=None)
@given(st.text(visible | st.sampled_from("\n<>&\"'1. –"), max_size=200))
def test_any_text_stays_text(text: str) -> None:
    reader = Reader(from_text("t", text))
    assert {tag for tag, _ in reader.tags} <= ALLOWED


def by_a_pattern(body: str, strong: tuple[str, ...], links: dict[str, str]) -> str:
    """The definition of what is set off and what leads somewhere, by a pattern of its own for every mail."""
    waiting = {escape(words) for words in strong if words}
    targets = {escape(words): escape(target) for words, target in links.items() if words}
    wanted = "|".join(map(re.escape, sorted({*waiting, *targets}, key=len, reverse=True)))

    def mark(found: re.Match[str]) -> str:
        words = found["words"]
        if words is None:
            return found[0]
        start = "\n" if found["space"] else ""
        if words in targets:
            return f'{start}<a href="{targets[words]}">{words}</a>'
        if words in waiting:
            waiting.remove(words)
            return f"{start}<strong>{words}</strong>"
        return start + words

    pattern = rf"<[^>]*>|(?P<space> ?)(?<![\w/.])(?P<words>{wanted})(?!/?\w)"
    return re.sub(pattern, mark, body) if wanted else body


_SAID = (
    "ZGL0000001",
    "4 listopada 2025 r.",
    "4 listopada",
    "https://a.example",
    "https://a.example/x",
    "22 1",
    "1",
    "br",
)
_BETWEEN = (" ", "", ".", "/", "\n", "<br>\n", "<p>", '<a\nhref="1">', "</a>", "&lt;", "&amp;", "a", "ż", "_")


@settings(max_examples=examples(2_000), deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(_SAID), st.sampled_from(_BETWEEN), visible), max_size=30).map("".join),
    st.lists(st.sampled_from((*_SAID, "", "<b>", "&")), max_size=4),
    st.dictionaries(
        st.sampled_from((*_SAID, "", "a&b")), st.sampled_from(("tel:1", "https://a.example/?a&b")), max_size=3
    ),
)
def test_words_are_marked_where_a_pattern_finds_them(text: str, strong: list[str], links: dict[str, str]) -> None:
    body = re.sub(r"<(?!(?:br|p|/a)>|a\nhref=\"1\">)", "&lt;", text).replace(">", "&gt;")
    body = re.sub(r"<(br|p|/a|a\nhref=\"1\")&gt;", r"<\1>", body)
    assert html._marked(body, strong, links) == by_a_pattern(body, tuple(strong), links)
