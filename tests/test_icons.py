import re
from pathlib import Path

import pytest

from tutor.scenario import load_all

ROOT = Path(__file__).resolve().parent.parent
SYMBOLS = re.findall(r'id="([\w-]+)"', (ROOT / "static/icons/sprite.svg").read_text())


@pytest.mark.parametrize("scenario", load_all().values(), ids=lambda scenario: scenario.id)
def test_a_scenarios_icon_is_in_the_sprite(scenario):
    assert scenario.icon in SYMBOLS


@pytest.mark.parametrize("page", sorted((ROOT / "templates").glob("*.html")), ids=lambda page: page.name)
def test_a_pages_icons_are_in_the_sprite(page: Path):
    assert set(re.findall(r"sprite\.svg' %}#([\w-]+)", page.read_text())) <= set(SYMBOLS)
