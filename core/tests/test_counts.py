import pytest

from core.counts import counted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 recordings"), (1, "1 recording"), (2, "2 recordings"), (2000, "2,000 recordings")]
)
def test_the_noun_fits_the_number(number: int, words: str) -> None:
    assert counted(number, "recording") == words
