"""Rows that other programs wrote, quoted as they quote."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.importing import tables
from governance.importing.runs import RowRefused
from governance.importing.tables import Row, read_rows, split
from tests.governance.importing.real import DSA


def read(text: str | bytes, *, exact: bool = True) -> list[Row | RowRefused]:
    content = text if isinstance(text, bytes) else text.encode()
    return list(read_rows(BytesIO(content), exact=exact))


def cells(text: str | bytes, *, exact: bool = True) -> list[list[str] | int]:
    """The cells of each row, or the line of a refused one."""
    return [r.cells if isinstance(r, Row) else r.line for r in read(text, exact=exact)]


def php(cell: str) -> str:
    """What PHP's fputcsv makes of a cell: no quotation mark after a backslash is doubled."""
    doubled, is_escaped = "", False
    for char in cell:
        doubled += '""' if char == '"' and not is_escaped else char
        is_escaped = char == "\\"
    return f'"{doubled}"'


@given(st.lists(st.text(alphabet='ab,"\n\\ ', max_size=8), min_size=2, max_size=5))
def test_doubled_quotation_marks_are_read_back(row: list[str]) -> None:
    text = ",".join('"' + cell.replace('"', '""') + '"' for cell in row)
    assert tables._cells(text, tables._PLAIN)[0] == row


@given(st.lists(st.text(alphabet='ab,"\n\\ ', max_size=8), min_size=2, max_size=5))
def test_what_php_writes_is_read_back(row: list[str]) -> None:
    row = [cell.rstrip("\\") for cell in row]  # at a cell's end PHP can't read itself
    assert split(",".join(map(php, row)), len(row)) == (row, False)


@given(st.text(alphabet='ab ,"\n\r\\\t', max_size=12))
def test_the_fast_way_reads_what_the_careful_one_does(text: str) -> None:
    fast = tables._read_fast(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "_read_fast", lambda _: None)
        careful, _ = tables._cells(text, tables._PLAIN)
    assert fast is None or fast == careful


@given(st.text(alphabet='ab,"\n\\', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for row in read(text):
        assert isinstance(row, Row | RowRefused)


def test_real_lines_that_break_other_readers_are_read() -> None:
    rows = read((DSA / "sor_malformed_lines.txt").read_bytes())
    assert [len(row.cells) if isinstance(row, Row) else row for row in rows] == [37] * 5
    first = rows[0]
    assert isinstance(first, Row)
    assert '"\\"xxxx\\""' in first.cells[16]
    assert first.cells[19] == "STATEMENT_CATEGORY_SCAMS_AND_FRAUD"


def test_a_cell_that_ends_in_a_backslash_is_read_by_the_width() -> None:
    assert cells('a,b,c\n"x y\\","z z",1\n')[1] == ["x y\\", "z z", "1"]


def test_a_cell_may_hold_line_breaks() -> None:
    assert cells('a,b\n1,"two\nlines"\n3,4\n') == [["a", "b"], ["1", "two\nlines"], ["3", "4"]]


def test_a_broken_row_takes_no_other_with_it() -> None:
    assert cells('a,b\n1,"open\n3,4\n5,6\n') == [["a", "b"], 2, ["3", "4"], ["5", "6"]]


@pytest.mark.parametrize(
    "line",
    [b"1,2,3", b"1", b'1,"2"x', b'"1,2', b"\xff,2", b"1,\0", b"1," + b"x" * tables.LONGEST_LINE],
)
def test_a_line_that_is_no_row_is_refused_by_its_number(line: bytes) -> None:
    assert cells(b"a,b\n1,2\n" + line + b"\n3,4\n") == [["a", "b"], ["1", "2"], 3, ["3", "4"]]


def test_widths_may_differ_where_that_is_allowed() -> None:
    assert cells("\ufeffa,b\n\n1\r\n1,2,3\n", exact=False) == [["a", "b"], ["1"], ["1", "2", "3"]]


def test_a_file_of_open_cells_takes_no_quadratic_time() -> None:
    assert len(read('"a\n' * 2_000)) == 2_000
