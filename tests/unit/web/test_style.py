"""The colours of the page: WCAG 2.2, 1.4.3 (text, 4.5:1) and 1.4.11 (borders and focus, 3:1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources

import pytest

STYLE = (resources.files("mailbot.web") / "static" / "style.css").read_text(encoding="utf-8")
SCHEMES = [
    dict(re.findall(r"--([a-z-]+): #([0-9a-f]{6});", block)) for block in re.findall(r":root \{([^}]*)\}", STYLE)
]
"""Light and dark."""
COLOURS = SCHEMES[0]


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str, colours: Mapping[str, str]) -> float:
    high, low = sorted((luminance(colours[one]), luminance(colours[other])), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        ("text", "page", 7),
        ("text", "error-page", 4.5),
        ("muted", "page", 4.5),
        ("link", "page", 4.5),
        ("error", "page", 4.5),
        ("error", "error-page", 4.5),
        ("button-text", "button", 4.5),
        ("button-text", "button-hover", 4.5),
        ("border", "page", 3),
        ("focus", "page", 3),
    ],
)
def test_contrast(front: str, back: str, least: float) -> None:
    for colours in SCHEMES:
        assert contrast(front, back, colours) >= least


def test_every_colour_has_a_name_that_is_tested() -> None:
    light, dark = SCHEMES
    assert set(light) == set(dark)
    rules = re.sub(r":root \{[^}]*\}", "", STYLE)
    assert not re.search(r"#[0-9a-f]{3,6}\b|rgb", rules)
    assert set(re.findall(r"var\(--([a-z-]+)\)", rules)) == set(COLOURS)


def test_focus_stays_visible() -> None:
    assert "outline: none" not in STYLE
    assert ":focus-visible" in STYLE
