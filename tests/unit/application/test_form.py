"""The ready form: accessible, and read back exactly."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pypdf import PdfReader

from mailbot.application.data import Application
from mailbot.application.form import octets
from mailbot.application.read import read, reading
from mailbot.cli import cli
from tests.form import FIELDS, TITLE, build
from tests.unit.application.pdfs import fill, typed

FIREFOX = Path(__file__).with_name("form-firefox.pdf")
DATA = [
    ("Łucja Żaneta", "Żółć-Ćwiękała", "lucja@stara.example", "lucja_z@nowa.example"),
    ("jan", "de la Cruz", "JAN@Stara.Example", "j.an+puesc@nowa.example"),
    ("Seán", "O’Neill", "s@a.example", "t@b.example"),
    ("Imię", "Nazwisko", "login@a.example", "nowy@b.example"),
]
COMMON = (1, 3)
"""Which of ``DATA`` are for the second job where the way of filling in is another one."""


def of(index: int, *others: bool) -> Any:
    """One of ``DATA``, filled in so."""
    return pytest.param(DATA[index], *others, marks=[pytest.mark.campaign] * (index in COMMON))


def test_the_file_is_what_its_generator_makes() -> None:
    assert octets() == build(), "mend: python -m tests.form"


@pytest.mark.parametrize(
    ("values", "appearances"), [*((values, True) for values in DATA), *(of(i, False) for i in range(4))]
)
def test_a_filled_form_is_read_back_exactly(values: tuple[str, str, str, str], appearances: bool) -> None:
    names = [field.name for field in FIELDS if field.kind == "Tx"]
    filled = fill(octets(), dict(zip(names, values, strict=True)), appearances=appearances)
    found = read(filled, "wniosek.pdf")
    assert found == Application(*values)
    assert bool(found.doubts) is not appearances  # without a look, and none asked for, each viewer shows another thing


@pytest.mark.parametrize(("values", "flat"), [*(of(i, False) for i in range(4)), *(of(i, True) for i in range(3))])
def test_what_chromium_fills_in_or_prints_is_read_back_exactly(values: tuple[str, str, str, str], flat: bool) -> None:
    names = [field.name for field in FIELDS if field.kind == "Tx"]
    found = read(typed(octets(), dict(zip(names, values, strict=True)), flat=flat), "")
    assert (found.given, found.surname, found.old_login, found.new_email) == values
    assert found.doubts == ()


def test_what_firefox_fills_in_is_read_back_exactly() -> None:
    """The file is ``octets()`` as saved by pdf.js 4.10.38 (npm pdfjs-dist), made once with invented data.

    For each of ``page.getAnnotations()``: ``document.annotationStorage.setValue(id, {value})``, then
    ``document.saveDocument()``. Firefox writes values and looks behind the form. Another form needs it made anew.
    """
    filled = FIREFOX.read_bytes()
    assert filled.startswith(octets())
    assert read(filled, "") == Application("Monika", "Zając", "monika@pracownia.example", "monika.zajac@nowa.example")


@pytest.mark.parametrize("appearances", [True, False])
def test_letters_that_a_viewer_may_not_have_are_for_a_person(appearances: bool) -> None:
    names = [field.name for field in FIELDS if field.kind == "Tx"]
    values = ("Oleksandr", "Коваленко", "o@a.example", "k@b.example")
    found = read(fill(octets(), dict(zip(names, values, strict=True)), appearances=appearances), "wniosek.pdf")
    assert (found.given, found.old_login, found.new_email) == ("Oleksandr", "o@a.example", "k@b.example")
    assert found.doubts


def test_each_text_field_has_a_look_of_its_own_and_none_is_asked_for_anew() -> None:
    reader = PdfReader(io.BytesIO(octets()), strict=True)
    widgets = [reference.get_object() for reference in reader.pages[0]["/Annots"]]  # type: ignore[attr-defined]
    looks = {widget["/AP"].raw_get("/N").idnum for widget in widgets if widget["/FT"] == "/Tx"}
    assert len(looks) == 4
    assert "/NeedAppearances" not in reader.root_object["/AcroForm"]  # type: ignore[operator]


def test_an_empty_form_has_no_data() -> None:
    assert read(octets(), "wniosek.pdf") == Application(None, None, None, None)


@pytest.mark.parametrize("left_out", range(4))
def test_a_field_left_empty_is_missing(left_out: int) -> None:
    values = list(DATA[0])
    values[left_out] = ""
    names = [field.name for field in FIELDS if field.kind == "Tx"]
    found = read(fill(octets(), dict(zip(names, values, strict=True)), appearances=True), "")
    assert [found.given, found.surname, found.old_login, found.new_email] == [value or None for value in values]


def test_the_form_is_accessible() -> None:
    reader = PdfReader(io.BytesIO(octets()), strict=True)
    root, page = reader.root_object, reader.pages[0]
    assert root["/Lang"] == "pl-PL"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]  # type: ignore[index]
    assert root["/MarkInfo"]["/Marked"]  # type: ignore[index]
    assert reader.metadata is not None
    assert reader.metadata.title == TITLE
    assert reader.xmp_metadata is not None
    assert page["/Tabs"] == "/S"
    widgets = [reference.get_object() for reference in page["/Annots"]]  # type: ignore[attr-defined]
    assert [widget["/TU"] for widget in widgets] == [field.label for field in FIELDS]
    assert [widget["/FT"] for widget in widgets] == ["/Tx"] * 4 + ["/Sig"]


def test_tags_lead_to_every_piece_and_every_field_in_order() -> None:
    reader = PdfReader(io.BytesIO(octets()), strict=True)
    tree = reader.root_object["/StructTreeRoot"]
    elements = [element.get_object() for element in tree["/K"][0].get_object()["/K"]]  # type: ignore[index]
    assert [element["/S"] for element in elements] == ["/H1", "/P", *(["/P", "/Form"] * 5), "/P"]
    texts = [element for element in elements if element["/S"] != "/Form"]
    assert [element["/K"] for element in texts] == list(range(len(texts)))
    pairs = tree["/ParentTree"]["/Nums"]  # type: ignore[index]
    numbers = dict(zip(pairs[::2], pairs[1::2], strict=True))
    forms = [element for element in elements if element["/S"] == "/Form"]
    for element, field in zip(forms, FIELDS, strict=True):
        widget = element["/K"]["/Obj"]
        assert widget["/T"] == field.name
        assert numbers[widget["/StructParent"]].get_object() == element
    assert [one.get_object() for one in numbers[0]] == texts


def test_the_text_of_the_form_is_polish_and_whole() -> None:
    text = reading(octets()).text
    assert TITLE in text.replace("\n", " ")
    assert "pamiętam" in text
    assert "\ufffd" not in text


def test_the_command_writes_the_form_and_never_over_a_file(tmp_path: Path) -> None:
    runner = CliRunner()
    file = tmp_path / "nowy.pdf"
    done = runner.invoke(cli, ["forms", str(file), "--json"])
    assert (done.exit_code, json.loads(done.output)) == (0, {"file": str(file)})
    assert file.read_bytes() == octets()
    again = runner.invoke(cli, ["forms", str(file)])
    assert again.exit_code != 0
    assert "mend" in again.output
    assert runner.invoke(cli, ["forms", str(tmp_path / "no" / "x.pdf")]).exit_code != 0
