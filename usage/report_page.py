"""Format usage for operators: for a page of its own, and for a line under each answer of a conversation."""

from dataclasses import dataclass
from datetime import date, timedelta

from usage.report import MOMENTS, Totals, Usage, engine_of, number

# Days in the chart.
DAYS = 30
# Sizes in the chart, in its own units.
STEP, WIDTH, HEIGHT, TOP = 20, 14, 120, 16
# The length of an answer's bar, in its own units.
LINE = 240
# The number of colours in the style sheet.
COLOURS = 4


@dataclass(frozen=True, slots=True)
class BarSegment:
    """Hold one part of a bar. `colour` is the number of a colour in the style sheet."""

    x: int
    y: int
    width: int
    height: int
    colour: int
    words: str


def chart(found: Usage, today: date) -> dict[str, object]:
    """Return the chart of answers by day and engine, for the last DAYS days."""
    colours = {engine.name: at % COLOURS for at, engine in enumerate(found.engines)}
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    most = max((sum(totals.answers for totals in found.days.get(day, {}).values()) for day in days), default=0)
    bars: list[dict[str, object]] = []
    for at, day in enumerate(days):
        pieces, bottom = list[BarSegment](), TOP + HEIGHT
        for engine, totals in sorted(found.days.get(day, {}).items()):
            if not totals.answers:
                continue
            height = max(2, round(HEIGHT * totals.answers / most))
            bottom -= height
            words = f"{day:%Y-%m-%d}, {engine}: {totals.answers} answers, {dollars(totals.dollars)}"
            pieces.append(BarSegment(at * STEP + 3, bottom, WIDTH, height, colours[engine], words))
        bars.append({"x": at * STEP + 3, "pieces": pieces})
    named = [(at * STEP + STEP // 2, f"{day.day} {day:%b}") for at, day in enumerate(days) if at % 7 == 3]
    return {"bars": bars, "named": named, "most": most, "colours": list(colours.items()), "width": DAYS * STEP}


def dollars(amount: float | None) -> str:
    """Format an amount in dollars, "not known" for None: to the cent, and less than ten cents to four decimals."""
    if amount is None:
        return "not known"
    if not amount:
        return "$0"
    if amount < 0.00005:
        return "under $0.0001"
    return f"${amount:,.4f}" if amount < 0.1 else f"${amount:,.2f}"


def seconds(ms: float) -> str:
    return f"{ms / 1000:.2f} s"


def cells(totals: Totals) -> dict[str, object]:
    """Return the figures of one table row, as text."""
    minutes, unpriced = totals.seconds / 60, totals.unpriced
    cost = dollars(totals.dollars) + (f" and {unpriced} not known" if unpriced else "")
    return {"answers": totals.answers, "minutes": f"{minutes:,.1f}", "tokens": f"{totals.tokens:,}", "cost": cost}


def rows_of_days(found: Usage) -> list[dict[str, object]]:
    """Return the rows of the table by day and engine, the newest day first."""
    days = reversed(found.days.items())
    return [
        {"day": day, "engine": name, **cells(totals)} for day, each in days for name, totals in sorted(each.items())
    ]


def rows_of_engines(found: Usage) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for engine in found.engines:
        measured = [engine.percentiles.get(name) for name in MOMENTS.values()]
        times = [f"{seconds(each.p50)} / {seconds(each.p95)}" if each else "" for each in measured]
        rows.append({"engine": engine.name, "times": times, **cells(engine.totals)})
    return rows


def of_message(measured: object) -> dict[str, object] | None:
    """Return the line below a message with this `measured`, None if there is nothing to show. A filter of templates."""
    if not isinstance(measured, dict) or not measured:
        return None
    times = [(name, ms) for key, name in MOMENTS.items() if (ms := number(measured.get(key))) is not None]
    # The parts of the bar lie one after the other, each as long as its step took.
    moments = [(name, ms) for name, ms in times if name != "saved"]
    pieces: list[BarSegment] = []
    before, x, whole = 0.0, 0, max((ms for _, ms in moments), default=0)
    for at, (name, ms) in enumerate(moments):
        end = round(LINE * ms / whole) if whole else 0
        if end > x:
            pieces.append(BarSegment(x, 0, end - x, 8, at, f"{name}: {seconds(ms - before)}"))
        before, x = ms, max(x, end)
    return {
        "engine": engine_of(measured),
        "cost": dollars(number(measured.get("cost"))),
        "times": [(name, seconds(ms)) for name, ms in times],
        "pieces": pieces,
        "length": LINE,
    }
