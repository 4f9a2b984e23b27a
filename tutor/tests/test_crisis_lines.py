"""A learner in despair is shown the lines of their own country, and a directory in any case."""

from typing import Any

import pytest

from tutor import crisis_lines
from tutor.crisis_lines import country, load, support

NEEDED = "US GB IE AU JP CN VN KR BR MX IN DE FR ES IT PL UA RU TR ID PH TH NL SE CA".split()  # noqa: SIM905


def test_the_list_covers_many_countries():
    countries = {each.country for each in load().lines}
    assert countries >= set(NEEDED)
    assert len(countries) >= 40
    # Each has a line for everybody, not for children alone.
    assert countries == {each.country for each in load().lines if not each.children}


def test_no_line_is_there_twice():
    keys = [(each.country, each.tel) for each in load().lines]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("code", "number"), [("US", "988"), ("GB", "116 123"), ("FR", "3114"), ("ES", "024"), ("AU", "13 11 14")]
)
def test_well_known_numbers(code, number):
    assert number in [each["number"] for each in support(code)["lines"]]


def test_a_number_is_dialled_without_its_spaces():
    [line] = support("AU")["lines"]
    assert (line["number"], line["tel"]) == ("13 11 14", "131114")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("de-DE,de;q=0.9,en-US;q=0.8", "DE"),
        ("vi,en-GB;q=0.7", "GB"),
        ("zh-Hant-TW", "TW"),
        ("EN-us", "US"),
        ("en", ""),
        ("", ""),
        ("*", ""),
        ("x" * 100_000, ""),
        ("en-\u0660\u0661,;;;q=,,<script>", ""),
        ("es-419,es", ""),
    ],
)
def test_the_country_is_the_first_region_that_the_browser_names(header, expected):
    assert country(header) == expected


def test_the_operators_country_comes_first(settings: Any):
    settings.CRISIS_COUNTRY = "AT"
    assert country("de-DE") == "AT"


@pytest.mark.parametrize("unknown", ["", "XX"])
def test_without_lines_there_is_the_directory(unknown):
    assert support(unknown)["lines"] == []
    assert support(unknown)["elsewhere"] == "https://findahelpline.com"


def test_lines_for_children_come_first_for_children_alone(settings: Any):
    assert [each["number"] for each in support("GB")["lines"]] == ["116 123"]
    settings.AUDIENCE = "children"
    assert [each["number"] for each in support("GB")["lines"]] == ["0800 1111", "116 123"]


def test_every_source_is_a_page(settings: Any):
    assert all(each.source.startswith("https://") for each in crisis_lines.load().lines)
