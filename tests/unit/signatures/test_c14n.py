"""Canonical octets against those of libxml2, which are right for whole documents, whatever an XML file declares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mailbot.signatures.xades.c14n import Canonical

_SPACES = st.sampled_from(["urn:a", "urn:b", "http://crd.example/c"])
_TEXTS = st.sampled_from(
    ["", "słowo", "a &amp; &lt;b&gt; &#13;", "\n ", "<![CDATA[<&>]]>", "<!-- uwaga -->", "<?pi d ?>"]
)
_VALUES = st.sampled_from(["", "a &amp; &lt;b&quot;", "&#9;&#10;&#13; ż", "x>y"])


@st.composite
def elements(draw: st.DrawFn, depth: int = 3, scope: tuple[tuple[str, str], ...] = ()) -> str:
    """XML text of one element that declares, declares again and uses namespaces in any way."""
    known = dict(scope)
    declared = draw(st.dictionaries(st.sampled_from(["", "p", "q", "r"]), _SPACES, max_size=3))
    if draw(st.booleans()) and "" in known:
        declared[""] = ""
    known |= declared
    prefixes = [prefix for prefix in known if prefix]
    parts = [f'xmlns{":" if prefix else ""}{prefix}="{uri}"' for prefix, uri in declared.items()]
    names: dict[tuple[str, str], str] = {}
    for _ in range(draw(st.integers(0, 3))):
        prefix, local = draw(st.sampled_from([*prefixes, "", "xml"])), draw(st.sampled_from(["j", "k", "lang"]))
        uri, local = ("xml", "lang") if prefix == "xml" else (known[prefix] if prefix else "", local)
        names.setdefault((uri, local), f"{prefix}:{local}" if prefix else local)
    parts += [f'{name}="{draw(_VALUES)}"' for name in names.values()]
    tag = ":".join(part for part in (draw(st.sampled_from([*prefixes, "", ""])), draw(st.sampled_from("xyz"))) if part)
    inside = [draw(_TEXTS)]
    for _ in range(draw(st.integers(0, 3)) if depth else 0):
        inside += [draw(elements(depth - 1, tuple(known.items()))), draw(_TEXTS)]
    return f"<{' '.join([tag, *draw(st.permutations(parts))])}>{''.join(inside)}</{tag}>"


def libxml2(document: etree._ElementTree, exclusive: bool, comments: bool, prefixes: list[str]) -> bytes:
    octets: bytes = etree.tostring(
        document, method="c14n", exclusive=exclusive, with_comments=comments, inclusive_ns_prefixes=prefixes or None
    )
    return octets


FORMS = st.tuples(st.booleans(), st.booleans(), st.sampled_from([[], ["p"], ["q", "unknown"]]))


@given(elements(), FORMS)
def test_a_document(source: str, form: tuple[bool, bool, list[str]]) -> None:
    exclusive, comments, listed = form
    prefixes = listed if exclusive else []
    root = etree.fromstring(f"<?a b?><!--c-->{source}<!--d--><?e?>")
    written = Canonical(exclusive, comments, prefixes).write(root, whole=True)
    assert written == libxml2(root.getroottree(), exclusive, comments, prefixes)


@given(elements(), FORMS)
def test_an_element_is_written_as_a_document_of_its_own(source: str, form: tuple[bool, bool, list[str]]) -> None:
    """``tostring`` gives an element all namespaces that are in scope: so the document says what the subtree did."""
    exclusive, comments, listed = form
    prefixes = listed if exclusive else []
    for element in list(etree.fromstring(source).iter("*"))[:4]:
        alone = etree.fromstring(etree.tostring(element, with_tail=False))
        written = Canonical(exclusive, comments, prefixes).write(element, whole=False)
        assert written == libxml2(alone.getroottree(), exclusive, comments, prefixes)


def test_a_prefix_in_a_default_namespace() -> None:
    """What .NET writes; lxml alone would undeclare the default namespace below T."""
    root = etree.fromstring('<W><S xmlns="urn:ds"><I xmlns="urn:ds"><T><ec:P xmlns:ec="urn:ec"/></T></I></S></W>')
    written = Canonical(exclusive=False, comments=False).write(root[0][0], whole=False)
    assert written == b'<I xmlns="urn:ds"><T><ec:P xmlns:ec="urn:ec"></ec:P></T></I>'


@pytest.mark.parametrize(
    ("prefixes", "expected"),
    [
        ([], b'<p:a xmlns:p="urn:p"><p:b></p:b></p:a>'),
        (["#default"], b'<p:a xmlns="urn:d" xmlns:p="urn:p"><p:b xmlns=""></p:b></p:a>'),
        (["q", "#default", "none"], b'<p:a xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:q"><p:b xmlns=""></p:b></p:a>'),
    ],
)
def test_prefix_list(prefixes: list[str], expected: bytes) -> None:
    """Exclusive c14n §3: listed namespaces are written although nothing here uses them."""
    root = etree.fromstring('<p:a xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:q"><p:b xmlns=""/></p:a>')
    assert Canonical(exclusive=True, comments=False, inclusive=prefixes).write(root, whole=False) == expected


def test_what_is_left_out_leaves_the_text_around() -> None:
    root = etree.fromstring('<a>1<b xmlns:q="urn:q">2<c/>3</b>4<b/>5<q:d xmlns:q="urn:q"/></a>')
    written = Canonical(exclusive=False, comments=True, left_out=frozenset(root.findall("b"))).write(root, whole=True)
    assert written == b'<a>145<q:d xmlns:q="urn:q"></q:d></a>'


def test_many_declarations_above_many_elements() -> None:
    """Each is written once, where it is declared, and not looked for at every element."""
    declared = " ".join(f'xmlns:n{i}="urn:{i}"' for i in range(4_900))
    root = etree.fromstring(f"<a {declared}>" + '<b n7:x="1"/>' * 90_000 + "</a>")
    assert Canonical(exclusive=False, comments=False).write(root, whole=False).count(b"xmlns") == 4_900
