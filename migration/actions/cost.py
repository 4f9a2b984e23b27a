"""Show what is stored, how it grew in the last twelve months, and what it costs a month."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser, OutputWrapper

from core.counts import counted
from migration.byte_sizes import size
from migration.storage_cost import Costs, Month, StoredCounts, costs

BAR = 30  # characters


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="print everything as one line of JSON")


def run(options: Mapping[str, Any], out: OutputWrapper) -> bool:
    found = costs()
    out.write(json.dumps(_plain(found)) if options["json"] else "\n".join(_in_words(found)))
    return True


def _plain(found: Costs) -> dict[str, Any]:
    return {**asdict(found), "total": found.bill.total}


def _in_words(found: Costs) -> list[str]:
    seen = ["The database is down, so its data is not counted.", ""] if found.unseen else []
    return [*seen, *_table(found), "", *_chart(found.months), "", *_bill(found)]


def _table(found: Costs) -> list[str]:
    titles = ("", "conversations", "messages", "recordings", "minutes", "bytes")
    places = {"cloud": found.cloud, "local": found.local, "in all": found.cloud + found.local}
    return [_line(titles), *(_line((place, *_columns(stored))) for place, stored in places.items())]


def _columns(stored: StoredCounts) -> tuple[str, ...]:
    counts = (stored.conversations, stored.messages, stored.recordings)
    return (*(f"{count:,}" for count in counts), f"{stored.minutes:,.1f}", size(stored.bytes))


def _line(cells: tuple[str, ...]) -> str:
    return f"{cells[0]:<8}" + "".join(f"{cell:>14}" for cell in cells[1:])


def _chart(months: list[Month]) -> list[str]:
    most = max(month.bytes for month in months) or 1
    return ["Added by month:"] + [
        f"{month.month}  {'█' * round(BAR * month.bytes / most):<{BAR}}  {size(month.bytes):>10}"
        f"  {counted(month.conversations, 'conversation')}"
        for month in months
    ]


def _bill(found: Costs) -> list[str]:
    prices, bill = found.prices, found.bill
    low, high = bill.total
    return [
        "A month costs about:",
        f"  storage   {_dollars(bill.storage):>15}  (${prices.storage:g} a GB)",
        f"  requests  {_dollars(bill.requests):>15}  (${prices.requests:g} a thousand)",
        f"  database  {_dollars(*bill.database):>15}",
        f"  in all    {_dollars(low, high):>15}",
    ]


def _dollars(low: float, high: float | None = None) -> str:
    if high is None or f"{low:.2f}" == f"{high:.2f}":
        return f"${low:.2f}"
    return f"${low:.2f} to ${high:.2f}"
