"""Draw charts as SVG. Colours come from CSS classes, so that a chart follows the page's light and dark schemes.

A chart has a title and a description for screen readers. The page shows the same figures as a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, log10
from xml.etree import ElementTree as Xml

from learning.trends import Estimate

WIDTH, HEIGHT = 340, 180
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 12, 26
GRID_LINES = 4
# Dates below a chart. More would overlap.
MOST_DATES = 4
# The width of a bar, as a share of its column.
_BAR_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Scale:
    """Hold a vertical axis from `low` to `high`, with a line at each multiple of `step`."""

    low: float
    high: float
    step: float

    @classmethod
    def around(cls, low: float, high: float) -> "Scale":
        """Return a scale of round numbers that holds these two."""
        # Little change must not look like much: the scale is at least a fifth of the figure wide.
        lacking = max(0.0, max(abs(high) / 5, 1e-6) - (high - low))
        low, high = max(0.0, low - lacking / 2), high + lacking / 2
        width = high - low
        size = 10.0 ** floor(log10(width / GRID_LINES))
        step = next(each * size for each in (1, 2, 5, 10) if each * size * GRID_LINES >= width)
        bottom = max(0.0, floor(low / step) * step)
        return cls(bottom, max(ceil(high / step) * step, bottom + step), step)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)

    @property
    def marks(self) -> list[float]:
        return [self.low + number * self.step for number in range(round((self.high - self.low) / self.step) + 1)]


def trend(name: str, title: str, description: str, points: Sequence[Estimate]) -> str:
    """Return a line with its interval as a band. `name` makes the ids of the chart unique in a page."""
    scale = Scale.around(min(each.low for each in points), max(each.high for each in points))
    chart = _chart(name, title, description, scale)
    xs = _columns(len(points))
    upper = [(x, scale.y(each.high)) for x, each in zip(xs, points, strict=True)]
    lower = [(x, scale.y(each.low)) for x, each in zip(xs, points, strict=True)]
    line = [(x, scale.y(each.value)) for x, each in zip(xs, points, strict=True)]
    if len(points) == 1:
        Xml.SubElement(chart, "path", {"class": "chart-error", "d": f"M{_places([upper[0], lower[0]])}"})
    else:
        Xml.SubElement(chart, "polygon", {"class": "chart-band", "points": _places([*upper, *reversed(lower)])})
        Xml.SubElement(chart, "polyline", {"class": "chart-line", "points": _places(line)})
    x, y = line[-1]
    Xml.SubElement(chart, "circle", {"class": "chart-dot", "cx": str(x), "cy": str(y), "r": "4"})
    _dates(chart, xs, [each.at.date() for each in points])
    return Xml.tostring(chart, encoding="unicode")


def bars(name: str, title: str, description: str, of: Sequence[Bar]) -> str:
    """Return one bar for each value, with its label below."""
    scale = Scale.around(0, max(each.value for each in of))
    chart = _chart(name, title, description, scale)
    width = (WIDTH - LEFT - RIGHT) / len(of)
    for number, bar in enumerate(of):
        x = LEFT + (number + (1 - _BAR_SHARE) / 2) * width
        box = {"x": f"{x:.1f}", "width": f"{_BAR_SHARE * width:.1f}"}
        box |= {"y": str(scale.y(bar.value)), "height": f"{scale.y(0) - scale.y(bar.value):.1f}"}
        Xml.SubElement(chart, "rect", {"class": "chart-bar", **box})
        # Every second label, the last one included.
        if (len(of) - number) % 2:
            _text(chart, LEFT + (number + 0.5) * width, HEIGHT - 8, bar.label, "middle")
    return Xml.tostring(chart, encoding="unicode")


def _chart(name: str, title: str, description: str, scale: Scale) -> Xml.Element:
    ids = f"chart-{name}-title chart-{name}-description"
    box = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "aria-labelledby": ids, "class": "chart"}
    chart = Xml.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **box})
    for tag, text in (("title", title), ("desc", description)):
        Xml.SubElement(chart, tag, {"id": f"chart-{name}-{'title' if tag == 'title' else 'description'}"}).text = text
    for value in scale.marks:
        y = str(scale.y(value))
        Xml.SubElement(chart, "path", {"class": "chart-grid", "d": f"M{LEFT} {y}H{WIDTH - RIGHT}"})
        _text(chart, LEFT - 6, scale.y(value) + 4, f"{value:.4g}", "end")
    return chart


def _columns(count: int) -> list[float]:
    if count == 1:
        return [(LEFT + WIDTH - RIGHT) / 2]
    return [round(LEFT + number * (WIDTH - LEFT - RIGHT) / (count - 1), 1) for number in range(count)]


def _dates(chart: Xml.Element, xs: Sequence[float], dates: Sequence[date]) -> None:
    shown = {round(number * (len(xs) - 1) / max(1, MOST_DATES - 1)) for number in range(MOST_DATES)}
    last = ""
    for number in sorted(shown):
        label = f"{dates[number].day} {dates[number]:%b}"
        anchor = "middle" if len(xs) == 1 else "start" if number == 0 else "end" if number == len(xs) - 1 else "middle"
        if label != last:
            _text(chart, xs[number], HEIGHT - 8, label, anchor)
        last = label


def _text(chart: Xml.Element, x: float, y: float, text: str, anchor: str) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "class": "chart-label", "aria-hidden": "true"}
    Xml.SubElement(chart, "text", place).text = text


def _places(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
