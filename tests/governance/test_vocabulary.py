"""The EU's words: complete, described, and each keyword where the database has it."""

from enum import StrEnum

import pytest

from governance.vocabulary import (
    ANYWHERE,
    CATEGORY_LABELS,
    CONTENT_TYPE_LABELS,
    KEYWORD_LABELS,
    KEYWORDS_OF,
    LANGUAGES,
    TERRITORIES,
    Category,
    ContentType,
    Keyword,
    keyword_belongs,
)


def test_there_are_16_categories_69_keywords_and_8_content_types() -> None:
    assert (len(Category), len(Keyword), len(ContentType)) == (16, 69, 8)


@pytest.mark.parametrize("words", [Category, Keyword, ContentType])
def test_values_equal_names_and_carry_no_prefix(words: type[StrEnum]) -> None:
    for word in words:
        assert word.value == word.name
        assert not word.startswith(("STATEMENT_CATEGORY_", "KEYWORD_", "CONTENT_TYPE_"))


def test_every_word_is_described_in_3_to_12_words() -> None:
    assert set(CATEGORY_LABELS) == set(Category)
    assert set(KEYWORD_LABELS) == set(Keyword)
    assert set(CONTENT_TYPE_LABELS) == set(ContentType)
    for labels in (CATEGORY_LABELS, KEYWORD_LABELS, CONTENT_TYPE_LABELS):
        assert [label for label in labels.values() if not 3 <= len(label.split()) <= 12] == []


@pytest.mark.parametrize("labels", [CATEGORY_LABELS, KEYWORD_LABELS, CONTENT_TYPE_LABELS])
def test_no_two_words_share_a_description(labels: dict[str, str]) -> None:
    assert len(set(labels.values())) == len(labels)


def test_stalking_and_other_belong_anywhere_and_every_other_keyword_to_one_category() -> None:
    assert {Keyword.STALKING, Keyword.OTHER} == ANYWHERE
    for keyword in Keyword:
        homes = [category for category in Category if keyword_belongs(keyword, category)]
        assert len(homes) == (16 if keyword in ANYWHERE else 1), keyword


def test_a_category_has_its_keywords_and_those_of_every_category() -> None:
    assert KEYWORDS_OF[Category.ANIMAL_WELFARE] == ANYWHERE | {
        Keyword.ANIMAL_HARM,
        Keyword.UNLAWFUL_SALE_ANIMALS,
    }
    assert KEYWORDS_OF[Category.NOT_SPECIFIED_NOTICE] == ANYWHERE


@pytest.mark.parametrize(
    ("keyword", "category", "belongs"),
    [
        (Keyword.HATE_SPEECH, Category.ILLEGAL_OR_HARMFUL_SPEECH, True),
        (Keyword.HATE_SPEECH, Category.VIOLENCE, False),
        (Keyword.INAUTHENTIC_ACCOUNTS, Category.SCAMS_AND_FRAUD, True),
        (Keyword.NUDITY, Category.OTHER_VIOLATION_TC, True),
        (Keyword.NUDITY, Category.PROTECTION_OF_MINORS, False),
        (Keyword.STALKING, Category.ANIMAL_WELFARE, True),
    ],
)
def test_a_keyword_belongs_where_the_database_has_it(
    keyword: Keyword, category: Category, belongs: bool
) -> None:
    assert keyword_belongs(keyword, category) is belongs


def test_territories_are_the_30_states_of_the_economic_area() -> None:
    assert len(TERRITORIES) == 30
    assert {"DE", "GR", "IS", "LI", "NO"} <= TERRITORIES
    assert not {"EL", "UK", "GB", "CH", "EU"} & TERRITORIES


def test_languages_are_the_databases_184_two_letter_codes() -> None:
    assert len(LANGUAGES) == 184
    assert {"DE", "EL", "EN", "CY"} <= LANGUAGES
    assert all(len(code) == 2 and code.isascii() and code.isupper() for code in LANGUAGES)
