"""Run axe-core on a page: wide and light, narrow and dark."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

from tests.browser.chromium import wait_for_paint

WIDE: ViewportSize = {"width": 1280, "height": 860}
NARROW: ViewportSize = {"width": 390, "height": 844}

# Finish all colour transitions at once, because axe checks the colours that it sees at that moment.
ARRIVE = """() => {
  for (const each of document.getAnimations()) {
    if (each.effect.getComputedTiming().iterations !== Infinity) each.finish();
  }
}"""

_axe = Axe()


def violations(page: Page) -> list[str]:
    """Return the violations that axe-core finds: a line for each rule and layout, with the first element concerned."""
    found = []
    for size in (WIDE, NARROW):
        page.emulate_media(color_scheme="dark" if size is NARROW else "light")
        page.set_viewport_size(size)
        wait_for_paint(page)
        page.evaluate(ARRIVE)
        for rule in _axe.run(page).response["violations"]:
            where = rule["nodes"][0]["html"][:200]
            found.append(f"{size['width']} px: {rule['id']}: {rule['help']} ({len(rule['nodes'])}): {where}")
    page.set_viewport_size(WIDE)
    return found
