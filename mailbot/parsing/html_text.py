"""HTML → text, for mails without a plain part. Quotes come out as lines that begin with ">", like in plain mail.

Own linear tokenizer: html.parser is quadratic on unfinished comments and tags (CVE-2025-6069, open in Python 3.11.7),
and a mail is anybody's input.
"""

from __future__ import annotations

import html
import re
from collections import Counter

_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<[!?][^>]*+(?:>|\Z)"
    r"|</([a-zA-Z][^\s>/]*+)[^>]*+(?:>|\Z)"
    r"|<([a-zA-Z][^\s>/]*+)((?:[^>=]++|=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))?)*)(?:>|\Z)"
    r"|<|[^<]++",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([^\s=>/\"']++)\s*+=\s*+(?:\"([^\"]*+)\"?+|'([^']*+)'?+|([^\s\"'>]++))|([^\s=>/\"']++)")
_SPACE = re.compile(r"[ \t\n\r\f]+")
_HIDDEN = re.compile(
    r"display\s*+:\s*+none|visibility\s*+:\s*+hidden|mso-hide\s*+:\s*+all|font-size\s*+:\s*+0(?![.\d]*[1-9])",
    re.IGNORECASE,
)
_QUOTE = re.compile(
    r"\b(?:gmail_quote(?:_container)?|gmail_attr|moz-cite-prefix|yahoo_quoted|protonmail_quote|zmail_extra"
    r"|tutanota_quote|moz-forward-container|gmail_forward|wp_quote|onet_quote|interia_quote)\b"
)
_REST_IS_QUOTE = re.compile(r"\b(?:divRplyFwdMsg|x_divRplyFwdMsg|mail-editor-reference-message-container)\b")
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "fieldset", "footer"),
        *("form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "nav", "ol", "p", "pre"),
        *("section", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    }
)
_CELLS = frozenset({"td", "th"})
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_RAW = frozenset({"script", "style", "title", "textarea", "xmp", "noembed", "noframes", "iframe"})
_DROPPED = frozenset({"script", "style", "title", "template", "svg", "select", "iframe", "textarea"})
_CLOSED_BY_ITSELF = frozenset({"p", "li", "td", "th", "tr", "dt", "dd", "option"})
_DEPTH_MAX = 1000


def to_text(source: str) -> str:
    """What a person sees of an HTML body: blocks and <br> end lines, hidden elements and head are left out, nbsp is
    kept, each quoted line (blockquote, the quote containers of mail programs) begins with "> ". Never raises.
    """
    page = _Page()
    at = 0
    while match := _TOKEN.match(source, at):
        at = match.end()
        if match[2]:
            name = match[2].lower()
            page.open(name, match[3])
            if name in _RAW:
                at = _raw_end(source, name, at)
        elif match[1]:
            page.close(match[1].lower())
        elif not match[0].startswith(("<!", "<?")):
            page.write(_unescape(match[0]))
    return page.text()


def _raw_end(source: str, name: str, at: int) -> int:
    """Offset of the end tag of an element whose content is no markup; the end of the page when there is none."""
    match = re.compile(rf"</{name}\b", re.IGNORECASE).search(source, at)
    return match.start() if match else len(source)


def _unescape(text: str) -> str:
    if "&" not in text:
        return text
    try:
        return html.unescape(text)
    except ValueError:  # a number of more digits than int() takes
        return text


class _Page:
    """Collects the lines of a page while its elements open and close."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._stack: list[tuple[str, bool, bool]] = []  # tag, hides, quotes
        self._open: Counter[str] = Counter()
        self._hidden = 0
        self._quoted = 0
        self._preformatted = 0
        self._after_space = True

    def open(self, name: str, attributes: str) -> None:
        """A start tag."""
        if name in _CLOSED_BY_ITSELF and self._stack and self._stack[-1][0] == name:
            self.close(name)
        if name == "br":
            self._end_line(always=True)
            return
        if name in _BLOCKS and name not in _CELLS:
            self._end_line()
        if name in _CELLS:
            self.write(" ")
        if name in _VOID or len(self._stack) >= _DEPTH_MAX:
            return
        hides, quotes = name in _DROPPED, name == "blockquote"
        if attributes.strip():
            hidden, quoted, rest = _marks(attributes)
            hides, quotes = hides or hidden, quotes or quoted
            if rest:
                self._end_line()
                self._quoted += 1  # never closed: Outlook's quote follows its head to the end of the page
        self._stack.append((name, hides, quotes))
        self._open[name] += 1
        if quotes:
            self._end_line()
        self._hidden += hides
        self._quoted += quotes
        self._preformatted += name == "pre"

    def close(self, name: str) -> None:
        """An end tag: closes its element and what stands open inside it; without an open element it is nothing."""
        if not self._open[name]:
            return
        while True:
            tag, hides, quotes = self._stack.pop()
            self._open[tag] -= 1
            self._hidden -= hides
            if (tag in _BLOCKS and tag not in _CELLS) or quotes:
                self._end_line()
            self._quoted -= quotes
            self._preformatted -= tag == "pre"
            if tag == name:
                return

    def write(self, text: str) -> None:
        """Text between tags; white space runs are one space (but in <pre>)."""
        if self._hidden:
            return
        if self._preformatted:
            first, *others = text.replace("\r\n", "\n").split("\n")
            self._line.append(first)
            for line in others:
                self._end_line(always=True)
                self._line.append(line)
            return
        text = _SPACE.sub(" ", text)
        if self._after_space:
            text = text.removeprefix(" ")
        if text:
            self._line.append(text)
            self._after_space = text.endswith(" ")

    def _end_line(self, *, always: bool = False) -> None:
        if self._hidden:
            return
        line = "".join(self._line).rstrip(" ")
        self._line = []
        self._after_space = True
        if line or always:
            self._lines.append(f"> {line}" if self._quoted else line)

    def text(self) -> str:
        """The page so far."""
        self._end_line()
        return "\n".join(self._lines)


def _marks(attributes: str) -> tuple[bool, bool, bool]:
    """Whether an element is hidden, is a quote, begins a quote that goes on to the end of the page."""
    hidden = quoted = rest = False
    for match in _ATTRIBUTE.finditer(attributes):
        name = (match[1] or match[5]).lower()
        value = match[2] or match[3] or match[4] or ""
        if name == "style":
            hidden = hidden or bool(_HIDDEN.search(value))
        elif name == "hidden":
            hidden = True
        elif name in ("class", "id"):
            quoted = quoted or bool(_QUOTE.search(value))
            rest = rest or bool(_REST_IS_QUOTE.search(value))
    return hidden, quoted, rest
