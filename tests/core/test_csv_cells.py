"""A cell that a spreadsheet could run is made harmless, and comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core import csv_cells

CELLS = st.text() | st.text(alphabet="'=+-@\t\r\uff1d\uff0b\uff0d\uff20a", max_size=8)


@given(CELLS)
def test_every_text_comes_back_as_it_was(text: str) -> None:
    assert csv_cells.unescape(csv_cells.escape(text)) == text


@given(CELLS)
def test_no_written_cell_starts_a_formula(text: str) -> None:
    assert csv_cells.escape(text)[:1] not in tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")


@pytest.mark.parametrize("name", ["'t Hart", "O\u2019Sample", "Ada", ""])
def test_a_name_with_an_apostrophe_stays_a_name(name: str) -> None:
    assert csv_cells.escape(name) == name
    assert csv_cells.unescape(name) == name
