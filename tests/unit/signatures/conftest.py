"""What every test of the signatures shares."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from pyhanko.sign.validation.qualified import eutl_parse
from xsdata.formats.dataclass.context import XmlContext


@pytest.fixture(scope="session", autouse=True)
def one_context() -> Iterator[None]:
    """For each list pyHanko lets xsdata look at every class of the process anew; a process of tests has many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eutl_parse, "XmlParser", partial(eutl_parse.XmlParser, context=XmlContext()))
        yield
