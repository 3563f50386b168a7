"""Lists of blocked servers with all the headers seen."""

from pathlib import Path

import pytest

from governance.errors import InvalidInput
from governance.importing.lists import BlockList, read_list
from governance.importing.servers import MEANINGS, classified, server_uri
from governance.vocabulary import Category, Keyword, keyword_belongs
from governance.words import Measure
from tests.governance.importing.real import HEADER, LISTS, block_list


def said(found: BlockList) -> dict[str, tuple[Measure, str]]:
    return {
        uri.removeprefix("https://"): (listed.measure, listed.comment)
        for uri, listed in found.listed.items()
    }


@pytest.mark.parametrize(
    ("name", "taken", "refused"),
    [
        ("iftas-aud.csv", 11, []),
        ("mastodon.social.csv", 17, [11, 13, 15, 16, 17, 19]),
        ("oliphant.social.csv", 11, []),
        ("seirdy-tier0.csv", 11, []),
        ("toot.wales.csv", 7, [9, 10]),
    ],
)
def test_real_lists_are_read(name: str, taken: int, refused: list[int]) -> None:
    found = read_list(LISTS / name)
    assert (len(found.listed), [row.line for row in found.refused]) == (taken, refused)


def test_a_comment_in_a_shifted_column_is_found() -> None:
    found = said(read_list(LISTS / "seirdy-tier0.csv"))
    assert found["076.ne.jp"] == (Measure.SERVER_SUSPENDED, "")
    assert sum(comment.startswith("delete this line") for _, comment in found.values()) == 1


@pytest.mark.parametrize(
    "header",
    [
        "domain,severity,reject_media,reject_reports,public_comment,obfuscate",
        "#Domain,#Severity,#Reject_Media,#Reject_Reports,#Public_Comment,#Obfuscate",
        "\ufeffDOMAIN, SEVERITY ,REJECT MEDIA,REJECT REPORTS,PUBLIC COMMENT,OBFUSCATE",
    ],
)
def test_headers_vary(tmp_path: Path, header: str) -> None:
    file = block_list(tmp_path / "list", "bad.example,Silence,True,False,spam,False", header=header)
    assert said(read_list(file)) == {"bad.example": (Measure.SERVER_LIMITED, "spam")}


def test_columns_may_be_fewer_and_in_another_order(tmp_path: Path) -> None:
    file = block_list(tmp_path / "list", "why,noop,bad.example", header="comment,severity,domain")
    assert said(read_list(file)) == {"bad.example": (Measure.WARNING, "why")}


def test_domains_alone_are_suspended(tmp_path: Path) -> None:
    file = block_list(tmp_path / "list", "Bad.Example.", "", "bücher.example", header="# blocks")
    assert said(read_list(file)) == {
        "bad.example": (Measure.SERVER_SUSPENDED, ""),
        "xn--bcher-kva.example": (Measure.SERVER_SUSPENDED, ""),
    }


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("ex***le.org,suspend,,,,", "domain"),
        ("cf,suspend,,,,", "domain"),
        (",suspend,,,,", "domain"),
        ("a.example/path,suspend,,,,", "domain"),
        ("user@a.example,suspend,,,,", "domain"),
        ("occultist\u200b.space,suspend,,,,", "domain"),
        ("GOOD.example,silence,,,,", "domain"),
        ("a.example,obliterate,,,,", "severity"),
        ("a.example,,,,,", "severity"),
        ('a.example,"susp', "line"),
    ],
)
def test_a_bad_row_is_refused_alone(tmp_path: Path, row: str, field: str) -> None:
    found = read_list(block_list(tmp_path / "list", "good.example,suspend,,,,", row))
    assert list(said(found)) == ["good.example"]
    assert [(refused.line, refused.field) for refused in found.refused] == [(3, field)]


@pytest.mark.parametrize("rows", [[], ["cf,suspend,,,,"]])
def test_a_list_without_any_server_is_refused(tmp_path: Path, rows: list[str]) -> None:
    with pytest.raises(InvalidInput, match="at least one"):
        read_list(block_list(tmp_path / "list", *rows))


def test_a_file_that_is_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="read"):
        read_list(tmp_path / "none")


def test_an_ip_address_is_a_server() -> None:
    assert server_uri("2A01:4f8::2") == "https://[2a01:4f8::2]"
    assert HEADER.startswith("#domain")


@pytest.mark.parametrize(
    ("comment", "category", "keywords"),
    [
        ("", Category.OTHER_VIOLATION_TC, [Keyword.OTHER]),
        ("third-party bots", Category.OTHER_VIOLATION_TC, [Keyword.OTHER]),
        ("Hate speech", Category.ILLEGAL_OR_HARMFUL_SPEECH, [Keyword.HATE_SPEECH]),
        ("unmanaged spam", Category.SCAMS_AND_FRAUD, [Keyword.OTHER]),
        ("iftas:spam;farming", Category.SCAMS_AND_FRAUD, [Keyword.INAUTHENTIC_ACCOUNTS]),
        (
            "iftas:disinformation;cib;spam",
            Category.NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS,
            [Keyword.MISINFORMATION_DISINFORMATION],
        ),
        (
            "IFTAS:CSAM, hate-speech",
            Category.PROTECTION_OF_MINORS,
            [Keyword.CHILD_SEXUAL_ABUSE_MATERIAL],
        ),
        ("online-harassment", Category.CYBER_VIOLENCE, [Keyword.CYBER_HARASSMENT]),
    ],
)
def test_comments_name_categories(
    comment: str, category: Category, keywords: list[Keyword]
) -> None:
    assert classified(comment) == (category, keywords)


def test_every_keyword_belongs_to_its_category() -> None:
    assert all(keyword_belongs(keyword, category) for _, category, keyword in MEANINGS)
