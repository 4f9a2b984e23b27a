"""Show what is stored, how it grew in the last twelve months, and what it costs a month."""

import json
from dataclasses import asdict

from django.core.management.base import CommandParser, OutputWrapper

from core.counts import counted
from migration.actions.terminal import Options
from migration.byte_sizes import size
from migration.storage_cost import Costs, Month, costs, dollars

BAR = 30  # characters


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="print everything as one line of JSON")


def run(options: Options, out: OutputWrapper) -> bool:
    found = costs()
    if options["json"]:
        out.write(json.dumps({**asdict(found), "total": found.bill.total}))
    else:
        unseen = ["The database is down, so its data is not counted.", ""] if found.unseen else []
        out.write("\n".join([*unseen, *_table(found), "", *_chart(found.months), "", *_bill(found)]))
    return True


def _table(found: Costs) -> list[str]:
    lines = [("", "conversations", "messages", "recordings", "minutes", "bytes")]
    for place, stored in {"cloud": found.cloud, "local": found.local, "in all": found.cloud + found.local}.items():
        talks, messages, sound = f"{stored.conversations:,}", f"{stored.messages:,}", f"{stored.recordings:,}"
        lines.append((place, talks, messages, sound, f"{stored.minutes:,.1f}", size(stored.bytes)))
    return [f"{title:<8}" + "".join(f"{cell:>14}" for cell in cells) for title, *cells in lines]


def _chart(months: list[Month]) -> list[str]:
    most = max(month.bytes for month in months) or 1
    return ["Added by month:"] + [
        f"{month.month}  {'█' * round(BAR * month.bytes / most):<{BAR}}  {size(month.bytes):>10}"
        f"  {counted(month.conversations, 'conversation')}"
        for month in months
    ]


def _bill(found: Costs) -> list[str]:
    prices, bill = found.prices, found.bill

    return [
        "A month costs about:",
        f"  storage   {dollars(bill.storage):>15}  (${prices.storage:g} a GB)",
        f"  requests  {dollars(bill.requests):>15}  (${prices.requests:g} a thousand)",
        f"  database  {dollars(*bill.database):>15}",
        f"  in all    {dollars(*bill.total):>15}",
    ]
