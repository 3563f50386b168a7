"""Reading lists of blocked servers: Mastodon's export, whatever its header, or domains alone."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from governance.errors import InvalidInput
from governance.importing.runs import RowRefused
from governance.importing.servers import is_obfuscated, server_uri, severity
from governance.importing.tables import Row, read_rows
from governance.words import Measure

LARGEST_LIST = 64 << 20  # bytes
_NAMES = {
    "domain": "domain",
    "instance": "domain",
    "host": "domain",
    "severity": "severity",
    "public_comment": "public_comment",
    "comment": "public_comment",
    "reason": "public_comment",
    "reject_media": "reject_media",
    "reject_reports": "reject_reports",
    "obfuscate": "obfuscate",
}
_USUAL = ("domain", "severity", "reject_media", "reject_reports", "public_comment", "obfuscate")
_BOOLEANS = frozenset({"", "true", "false", "t", "f", "1", "0", "yes", "no"})


@dataclass(frozen=True, slots=True)
class Listed:
    """One server on a list."""

    line: int
    uri: str
    measure: Measure
    comment: str


@dataclass(slots=True)
class BlockList:
    """What a list says, and what of it can't be taken."""

    listed: dict[str, Listed] = field(default_factory=dict)  # by canonical URI
    refused: list[RowRefused] = field(default_factory=list)
    mentioned: set[str] = field(default_factory=set)  # servers of refused rows
    obfuscated: list[re.Pattern[str]] = field(default_factory=list)

    def names(self, uri: str) -> bool:
        """Whether a server is on the list, if only in a row that is refused or obfuscated."""
        host = uri.removeprefix("https://")
        return (
            uri in self.listed
            or uri in self.mentioned
            or any(pattern.fullmatch(host) for pattern in self.obfuscated)
        )


def read_list(file: Path) -> BlockList:
    """The list in a file; InvalidInput where it holds no server at all."""
    try:
        size = file.stat().st_size
        content = file.read_bytes() if size <= LARGEST_LIST else b""
    except OSError as error:
        raise InvalidInput(f"expected a file that can be read: {error.strerror}") from None
    if size > LARGEST_LIST:
        raise InvalidInput(f"expected a list of at most {LARGEST_LIST >> 20} MiB")
    found = BlockList()
    for row in _records(read_rows(BytesIO(content), exact=False)):
        if isinstance(row, RowRefused):
            found.refused.append(row)
        else:
            _take(found, *row)
    if not found.listed:
        # An emptied list and a failed download look alike; one would lift every block.
        raise InvalidInput("expected a list with at least one server that can be taken")
    return found


def _take(found: BlockList, line: int, cells: Mapping[str, str]) -> None:
    try:
        uri = server_uri(cells.get("domain", ""))
    except InvalidInput as refused:
        found.refused.append(RowRefused(line, "domain", refused.message))
        if is_obfuscated(cells.get("domain", "")):
            found.obfuscated.append(_pattern(cells["domain"]))
        return
    if uri in found.listed:
        reason = f"listed already on line {found.listed[uri].line}"
        found.refused.append(RowRefused(line, "domain", reason))
        return
    try:
        measure = severity(cells.get("severity", "suspend"))
    except InvalidInput as refused:
        found.refused.append(RowRefused(line, "severity", refused.message))
        found.mentioned.add(uri)
        return
    found.listed[uri] = Listed(line, uri, measure, comment(cells))


def comment(cells: Mapping[str, str]) -> str:
    """The comment, also where columns are shifted: some lists write it under reject_media."""
    text, other = cells.get("public_comment", ""), cells.get("reject_media", "")
    if text.strip().lower() not in _BOOLEANS:
        return text.strip()
    return "" if other.strip().lower() in _BOOLEANS else other.strip()


def _records(
    rows: Iterator[Row | RowRefused],
) -> Iterator[tuple[int, Mapping[str, str]] | RowRefused]:
    """Each row by the names of its columns; without a header they are the usual ones."""
    columns: tuple[str, ...] = ()
    for row in rows:
        if isinstance(row, RowRefused):
            yield row
            continue
        header = tuple(_NAMES.get(_plain(cell), "") for cell in row.cells)
        if "domain" in header:
            columns = header
        elif not row.cells[0].lstrip().startswith("#"):  # a remark, as in lists of domains alone
            names = columns or _USUAL
            cells = zip(names, row.cells, strict=False)
            yield row.line, {name: cell for name, cell in cells if name}


def _plain(cell: str) -> str:
    return cell.strip().lstrip("#").strip().lower().replace(" ", "_").replace("-", "_")


def _pattern(domain: str) -> re.Pattern[str]:
    """What an obfuscated domain may stand for: an asterisk hides one character."""
    return re.compile(re.escape(domain.strip().lower()).replace(r"\*", "."))
