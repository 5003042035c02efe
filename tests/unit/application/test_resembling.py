"""New addresses that are taken for the old one, or are called after somebody else."""

from __future__ import annotations

import pytest

from mailbot.application.letter.resembling import of_another, resembles


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("jan.kowalski@stary.example", "jan.kowa1ski@stary.example"),
        ("jan.kowalski@stary.example", "jan.kovvalski@stary.example"),
        ("jan.kowalski@stary.example", "jan.kowaIski@stary.example"),
        ("jan@stary.example", "jan@st.ary.example"),
        ("jan@stary.example", "jan@sta-ry.example"),
        ("jan@stary.example", "jan@stary.example.inny.example"),
        ("jan@stary.example", "biuro@stary-example.inny.example"),
    ],
)
def test_addresses_that_read_alike(old: str, new: str) -> None:
    assert resembles(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("jan@stary.example", "jan@nowy.example"),
        ("jan@stary.example", "JAN@stary.example"),
        ("jan.kowalski@poczta.example", "jankowalski@poczta.example"),
        ("jan.kowalski@poczta.example", "jan.kowalski1@poczta.example"),
        ("jan@poczta.example", "jan@poczta.test"),
    ],
)
def test_addresses_that_do_not(old: str, new: str) -> None:
    assert not resembles(old, new)


@pytest.mark.parametrize("address", ["anna.nowak@nowa.example", "nowak_anna@nowa.example", "marek-wrona@nowa.example"])
def test_an_address_called_after_somebody_else(address: str) -> None:
    assert of_another(address, "Jan", "Kowalski")


@pytest.mark.parametrize(
    "address",
    [
        *(
            "jan.kowalski@nowa.example",
            "j.kowalski@nowa.example",
            "anna.kowalska@nowa.example",
            "jan.nowak@nowa.example",
        ),
        *("janek.k@nowa.example", "kowal77@nowa.example", "biuro@nowa.example", "stare.auta@nowa.example"),
        *("poczta.kowalskich@nowa.example", "anna.maria.nowak@nowa.example"),
    ],
)
def test_an_address_that_may_be_the_writers(address: str) -> None:
    assert not of_another(address, "Jan", "Kowalski")
