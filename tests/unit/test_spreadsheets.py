"""No cell that somebody else wrote becomes a formula in a spreadsheet."""

import pytest

from shared.spreadsheets import guarded, unguarded


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\t=1", "\r", "'=1", "''+", "plain", "", "'tis", "a=b"])
def test_a_guarded_cell_is_no_formula_and_comes_back_as_it_was(cell: str) -> None:
    assert not guarded(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguarded(guarded(cell)) == cell
