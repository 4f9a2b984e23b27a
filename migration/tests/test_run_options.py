import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from migration.run_options import EVERYTHING, RunOptions, moment

KEY = uuid.UUID(int=7)
DAY = datetime(2026, 1, 31, tzinfo=UTC)
ALL = RunOptions(learner=KEY, since=DAY, workers=3, reads_back=True, dry_run=True)


@pytest.mark.parametrize(
    "options", [EVERYTHING, ALL, RunOptions(since=DAY.replace(hour=9))], ids=["default", "all", "hour"]
)
def test_a_row_keeps_every_option(options: RunOptions) -> None:
    assert RunOptions.from_row(options.to_row()) == options


def test_a_day_is_kept_and_shown_as_a_day() -> None:
    assert ALL.to_row()["since"] == "2026-01-31"
    assert "only what was said since 2026-01-31" in ALL.in_words()


@pytest.mark.parametrize(
    ("stored", "options"),
    [
        ({}, EVERYTHING),
        ({"learner": None, "since": None, "workers": None, "reads_back": False, "dry": False}, EVERYTHING),
        ({"learner": str(KEY), "since": "2026-01-31", "workers": 3, "reads_back": True, "dry": True}, ALL),
    ],
    ids=["none", "empty", "all"],
)
def test_rows_of_earlier_versions_are_read(stored: dict[str, Any], options: RunOptions) -> None:
    assert RunOptions.from_row(stored) == options


def test_a_moment_without_a_zone_is_in_utc() -> None:
    assert moment("2026-01-31") == moment("2026-01-31T00:00") == moment("2026-01-31T02:00+02:00") == DAY


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", ""])
def test_an_invalid_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a date"):
        moment(text)
