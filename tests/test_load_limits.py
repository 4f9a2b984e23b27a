"""bench/load.py reports each missed limit."""

from copy import deepcopy
from typing import Any

import pytest

from bench.load import missed

PART = {"typed_longest_s": 2.0, "healthz_p99_ms": 30, "memory_mb": 1200}
KEPT: dict[str, Any] = {
    "rest_s": 0.7,
    "first_voice_after_start_s": 1.3,
    "first_voice_at_rest_s": 0.2,
    "flood": {**PART, "refused_within_s": 0.4},
    "flood_many": {**PART, "refused_within_s": 21.0},
    "talks": {**PART, "served": 4, "refused_within_s": 0.3, "dropped": 0, "alone_s": 0.8, "served_p90_s": 1.9},
    "slow": {**PART, "still_open": 0, "added_mb": 20},
    "script": {
        **{"script_billed_to_limit": 0.9, "billed_to_counted": 1.0, "refused": 300, "served_by": ["local"]},
        **{"typed_p95_s": 1.1, "typed_alone_p95_s": 1.0, "embedded_turns": 0},
    },
}


def test_nothing_is_reported_if_all_limits_are_kept() -> None:
    assert missed(KEPT) == []


@pytest.mark.parametrize(
    ("part", "name", "value", "said"),
    [
        ("", "first_voice_at_rest_s", 1.6, "first voice at rest"),
        ("", "first_voice_after_start_s", 3.1, "first voice after the start"),
        ("flood", "refused_within_s", 3.1, "flood: refused"),
        ("flood", "typed_longest_s", 3.2, "flood: typed turn"),
        ("flood_many", "healthz_p99_ms", 251, "flood_many: healthz"),
        ("flood_many", "memory_mb", 1601, "flood_many: memory"),
        ("talks", "refused_within_s", 3.1, "talks: refused"),
        ("talks", "served", 3, "talks: served"),
        ("talks", "dropped", 1, "talks: dropped"),
        ("talks", "served_p90_s", 3.5, "talks: wait"),
        ("slow", "still_open", 1, "slow: still open"),
        ("slow", "added_mb", 151, "slow: memory"),
        ("script", "script_billed_to_limit", 1.03, "script: money"),
        ("script", "typed_p95_s", 1.21, "script: typed turn"),
    ],
)
def test_a_missed_limit_is_reported(part: str, name: str, value: float, said: str) -> None:
    results = deepcopy(KEPT)
    (results[part] if part else results)[name] = value
    assert missed(results) == [said]
