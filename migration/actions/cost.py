"""Show what is stored, how it grew in the last twelve months, and what it costs a month."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from django.core.management.base import CommandParser, OutputWrapper

from core.counts import counted
from migration.actions.terminal import Options
from migration.byte_sizes import size
from migration.storage_cost import Costs, costs

BAR = 30  # characters


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="print everything as one line of JSON")


def run(options: Options, out: OutputWrapper) -> bool:
    found = costs()
    if options["json"]:
        out.write(json.dumps({**asdict(found), "total": found.bill.total}))
    else:
        out.write("\n".join(_in_words(found)))
    return True


def _in_words(found: Costs) -> Iterator[str]:
    if found.unseen:
        yield "The database is down, so its data is not counted."
        yield ""
    lines: list[tuple[str, ...]] = [("", "conversations", "messages", "recordings", "minutes", "bytes")]
    for place, stored in {"cloud": found.cloud, "local": found.local, "in all": found.cloud + found.local}.items():
        counts = [f"{count:,}" for count in (stored.conversations, stored.messages, stored.recordings)]
        lines.append((place, *counts, f"{stored.minutes:,.1f}", size(stored.bytes)))
    for title, *cells in lines:
        yield f"{title:<8}" + "".join(f"{cell:>14}" for cell in cells)
    yield ""
    yield "Added by month:"
    most = max(month.bytes for month in found.months) or 1
    for month in found.months:
        bar, added = "█" * round(BAR * month.bytes / most), counted(month.conversations, "conversation")
        yield f"{month.month}  {bar:<{BAR}}  {size(month.bytes):>10}  {added}"
    yield ""
    prices, bill = found.prices, found.bill.in_words
    yield "A month costs about:"
    yield f"  storage   {bill['storage']:>15}  (${prices.storage:g} a GB)"
    yield f"  requests  {bill['requests']:>15}  (${prices.requests:g} a thousand)"
    yield f"  database  {bill['database']:>15}"
    yield f"  in all    {bill['total']:>15}"
