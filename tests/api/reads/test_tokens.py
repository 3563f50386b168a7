"""Tokens of documents that are counted without being made."""

import pytest
from graphql import GraphQLSyntaxError, Lexer, Source, TokenKind
from hypothesis import given
from hypothesis import strategies as st

from api.documents import more_than

UNCOUNTED = {TokenKind.INT, TokenKind.FLOAT, TokenKind.SPREAD}
PIECES = [
    *"{}()[]:=@!$&| \n,",
    *("name", "_a1", "é", "\ufeff", "0", "-1.5e3", "..."),
    *('""', '"a"', '"a b { \\" # \\\\"', '"\\u00e9"', '"', "\\"),
    *('"""a"""', '"""\n{ "" \\""" # b \\ """', '"""', '""""""'),
    *("# a { b", "# it's \"\n", "#\r"),
]


def counted(text: str) -> tuple[int, int]:
    """How many tokens graphql-core finds: all, and those that are counted."""
    lexer, kinds = Lexer(Source(text)), []
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        kinds.append(token.kind)
    return len(kinds), sum(kind not in UNCOUNTED for kind in kinds)


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.integers(0, 30))
def test_no_document_is_said_to_have_more_tokens_than_it_has(text: str, most: int) -> None:
    try:
        tokens, at_least = counted(text)
    except GraphQLSyntaxError:
        return  # it is no document
    is_more = more_than(most).match(text) is not None
    assert is_more == (at_least > most)
    assert tokens >= at_least


TEXTS = ['"', '""', "\\", "#", "1", "é", "#\n", '"""\n"', '"a\\"', '"""a"\\']


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_is_tried_twice(text: str) -> None:
    for before in ("", '"', '"""', "#"):
        assert not more_than(400_000).match(before + text * 100_000)
