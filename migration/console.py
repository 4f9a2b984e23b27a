"""Serve the operators' pages about storage in Django's admin, with the functions of the command and the API."""

import asyncio
import json
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, fields

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import DatabaseError, InterfaceError, connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core import cloud
from core.counts import counted
from migration import checks, runs, self_test, stores
from migration.checks import CheckState, runner
from migration.models import Run
from migration.overview import overview
from migration.permissions import PERMISSION
from migration.run_options import DEFAULT_WORKERS, RunOptions, moment
from migration.storage_cost import Month, costs
from staff.permissions import may

PER_PAGE = 15
MOST_WORKERS = 32
# Seconds to count what there is to copy, wherever it is.
PLAN_WITHIN = 4.0
# Failures that a page names.
LISTED = 100
COUNTS = ("conversations", "conversations_same", "recordings", "recordings_same", "bytes", "failures")
UNREACHED: tuple[type[Exception], ...] = (DatabaseError, InterfaceError, OSError)

View = Callable[..., HttpResponseBase]


def urls() -> list[URLPattern]:
    """Return the URLs of the operators' site below `storage/`."""
    return [
        path("", _page(overview_page), name="storage"),
        path("verify/", _page(verify), name="storage_verify"),
        path("test/", _page(test), name="storage_test"),
        path("cost/", _page(cost_page), name="storage_cost"),
        path("migrate/", _page(migrate), name="storage_migrate"),
        path("runs/<uuid:key>/", _page(run_page), name="storage_run"),
        path("runs/<uuid:key>/state/", _page(run_state), name="storage_run_state"),
        path("runs/<uuid:key>/stop/", _page(stop), name="storage_run_stop"),
        path("runs/<uuid:key>/resume/", _page(resume), name="storage_run_resume"),
    ]


def may_use(request: HttpRequest) -> bool:
    return may(request, PERMISSION)


def _page(view: View) -> View:
    def allowed(request: HttpRequest, **kwargs: object) -> HttpResponseBase:
        if not may_use(request):
            if request.method == "GET":
                return _render(request, "forbidden", "Not for this account", status=403)
            raise PermissionDenied
        return view(request, **kwargs)

    return admin.site.admin_view(allowed)


def _render(request: HttpRequest, template: str, title: str, status: int = 200, **context: object) -> HttpResponse:
    context |= admin.site.each_context(request) | {"title": title}
    return render(request, f"admin/storage/{template}.html", context, status=status)


class MigrationForm(forms.Form):
    source = forms.ChoiceField(label="From")
    destination = forms.ChoiceField(label="To")
    dry_run = forms.BooleanField(
        label="Dry run", required=False, help_text="Only look, and count what would be copied. Nothing is written."
    )
    since = forms.DateField(
        label="Said since",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: everything, however old.",
    )
    learner = forms.UUIDField(
        label="One learner only",
        required=False,
        widget=forms.TextInput(attrs={"size": 36, "spellcheck": "false"}),
        help_text="The learner's id, as the list of conversations shows it. Empty: everybody.",
    )
    workers = forms.IntegerField(
        label="Recordings at a time", min_value=1, max_value=MOST_WORKERS, initial=DEFAULT_WORKERS
    )
    reads_back = forms.BooleanField(
        label="Read every byte back",
        required=False,
        help_text="Slower. Otherwise size and checksum are asked for after each recording.",
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, label_suffix="", initial={"source": "local", "destination": "cloud"})
        named = list(stores.configured())
        for field in ("source", "destination"):
            self.fields[field].choices = [(name, _store_in_words(name)) for name in named]  # type: ignore[attr-defined]

    def options(self) -> RunOptions:
        given = {each.name: self.cleaned_data[each.name] for each in fields(RunOptions)}
        if given["since"]:
            given["since"] = moment(given["since"].isoformat())
        return RunOptions(**given)


@require_GET
def overview_page(request: HttpRequest) -> HttpResponse:
    return _overview(request, MigrationForm())


def _overview(request: HttpRequest, form: MigrationForm, status: int = 200) -> HttpResponse:
    earlier = Paginator(Run.objects.using("default"), PER_PAGE).get_page(request.GET.get("page"))
    listed = {"runs": earlier, "shown": [shown(run) for run in earlier]}
    several = len(stores.configured()) > 1
    return _render(
        request, "overview", "Storage", status, overview=overview(), form=form, several_stores=several, **listed
    )


@require_POST
def verify(request: HttpRequest) -> HttpResponseBase:
    """Stream newline-delimited JSON: `{total}`, a line for each check as it ends, `{done, said, well}`."""

    def lines() -> Iterator[dict[str, object]]:
        asked, results = checks.probes(), []
        yield {"total": len(asked)}
        for result in runner.run(asked):
            results.append(result)
            yield {**asdict(result), "word": checks.WORDS[result.state]}
        yield {"done": True, "said": checks.summary(results), "well": checks.is_valid(results)}

    return _streamed(lines())


@require_POST
def test(request: HttpRequest) -> HttpResponseBase:
    """Stream newline-delimited JSON: a line for each step as it ends, `{done, said, well}`."""

    def lines() -> Iterator[dict[str, object]]:
        well = True
        for step in self_test.run():
            well = well and step.ok
            state = CheckState.OK if step.ok else CheckState.FAILED
            yield {**asdict(step), "state": state, "word": checks.WORDS[state]}
        said = "The storage works." if well else "The storage does not work as it is set up."
        yield {"done": True, "said": said, "well": well}

    return _streamed(lines())


def _streamed(lines: Iterator[dict[str, object]]) -> StreamingHttpResponse:
    """Stream the lines as a thread makes them. It has no time limit, and goes on if the browser disconnects."""

    async def sent() -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[dict[str, object] | None] = asyncio.Queue()

        def send(line: dict[str, object] | None) -> None:
            # The event loop is closed if the server is stopping.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(queue.put_nowait, line)

        def make() -> None:
            try:
                for line in lines:
                    send(line)
            finally:
                connections.close_all()
                send(None)

        threading.Thread(target=make, name="console", daemon=True).start()
        while (line := await queue.get()) is not None:
            yield json.dumps(line) + "\n"

    return StreamingHttpResponse(
        sent(), content_type="application/x-ndjson", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


def migrate(request: HttpRequest) -> HttpResponse:
    """Show what there is to copy, and ask (GET). Begin, and show the run (POST)."""
    form = MigrationForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        return _overview(request, form, status=400)
    source, destination = form.cleaned_data["source"], form.cleaned_data["destination"]
    try:
        if request.method == "POST":
            run = runs.begin(source, destination, form.options())
            runs.in_background(run)
            return redirect("admin:storage_run", key=run.pk)
        with cloud.within(PLAN_WITHIN):
            plan = runs.plan(source, destination, form.options())
    except (ValueError, runs.RunInProgress) as error:
        form.add_error(None, str(error))
        return _overview(request, form, status=400)
    except UNREACHED + cloud.database.failures() as error:
        form.add_error(None, f"{source} cannot be read now: {cloud.sentence(error)} Verify says more.")
        return _overview(request, form, status=503)
    ends = {"source": _store_in_words(source), "destination": _store_in_words(destination)}
    options = form.options().in_words()
    return _render(request, "plan", "Migrate: the plan", 200, form=form, plan=plan, options=options, **ends)


@require_GET
def run_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    return _run_page(request, _run(key))


def _run_page(request: HttpRequest, run: Run, problem: str = "", status: int = 200) -> HttpResponse:
    title = f"Migration from {run.source} to {run.destination}"
    options = RunOptions.from_row(run.options).in_words()
    return _render(request, "run", title, status, run=run, shown=shown(run), options=options, problem=problem)


@require_GET
def run_state(request: HttpRequest, key: uuid.UUID) -> JsonResponse:
    return JsonResponse(shown(_run(key)))


@require_POST
def stop(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    runs.stop(_run(key).pk)
    return redirect("admin:storage_run", key=key)


@require_POST
def resume(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    run = _run(key)
    try:
        run = runs.resume(run.pk)
    except (ValueError, runs.RunInProgress) as error:
        return _run_page(request, run, problem=str(error), status=409)
    if run.state == Run.State.RUNNING:
        runs.in_background(run)
    return redirect("admin:storage_run", key=key)


def _run(key: uuid.UUID) -> Run:
    return get_object_or_404(Run.objects.using("default"), pk=key)


def shown(run: Run) -> dict[str, object]:
    """Describe a run for a page, which asks again while it runs. A run whose process is gone is interrupted."""
    total = run.plan.get("conversations", 0) + run.plan.get("recordings", 0)
    seen = runs.seen(run)
    state = "interrupted" if runs.is_lost(run) else run.state
    runs_now = state == Run.State.RUNNING
    is_stopping = runs_now and run.stop_requested
    counts = {name: run.counts.get(name, 0) for name in COUNTS}
    return {
        "id": str(run.pk),
        "url": reverse("admin:storage_run", args=[run.pk]),
        "name": f"{run.source} to {run.destination}",
        "state": state,
        "word": "stopping" if is_stopping else state,
        "running": runs_now,
        "stopping": is_stopping,
        "resumable": state in ("interrupted", Run.State.STOPPED, Run.State.FAILED),
        "dry_run": RunOptions.from_row(run.options).dry_run,
        "holder": run.holder,
        "started": run.started_at,
        "seconds": ((run.finished_at or timezone.now()) - run.started_at).total_seconds(),
        "seen": min(seen, total) if runs_now else seen,
        "total": max(total, 1) if runs_now else max(total, seen, 1),
        "planned": bool(run.plan),
        "counts": counts,
        "accounts": run.counts.get("accounts", 0),
        "failures": counts["failures"],
        "failed": list(run.failed.items())[:LISTED],
        "unnamed": max(0, counts["failures"] - min(len(run.failed), LISTED)),
        "error": run.error,
    }


@require_GET
def cost_page(request: HttpRequest) -> HttpResponse:
    if cloud.database.usable:
        # Counting may wait long, so make sure first that the database answers.
        cloud.database.check()
    found = costs()
    added = sum(month.conversations for month in found.months)
    return _render(
        request,
        "cost",
        "What is stored, and what it costs",
        costs=found,
        total=found.cloud + found.local,
        bill=found.bill.in_words,
        months=_bars(found.months),
        described=f"{counted(added, 'conversation')} added in twelve months that are still stored.",
    )


# In the units of the chart.
BAR_STEP, BAR_HEIGHT = 50, 120


def _bars(months: list[Month]) -> list[dict[str, object]]:
    """Return the position and the height of each month's bar in the chart."""
    most = max(month.bytes for month in months) or 1
    bars: list[dict[str, object]] = []
    for number, month in enumerate(months):
        height = round(BAR_HEIGHT * month.bytes / most)
        height = max(height, 2) if month.bytes else 0
        place = {"x": number * BAR_STEP + 8, "middle": number * BAR_STEP + BAR_STEP // 2}
        bars.append({"month": month, "height": height, "y": BAR_HEIGHT - height + 16, **place})
    return bars


def _store_in_words(name: str) -> str:
    store = stores.named(name)
    if name == "local":
        return "local: the files of this machine"
    if name == "cloud":
        rows = {"default": "PostgreSQL", "mongodb": "MongoDB"}.get(store.database or "", "no database")
        return f"cloud: {rows} and {'the bucket' if store.place else 'no bucket'}"
    if store.bucket:
        return f"{name}: the bucket's recordings alone"
    return f"{name}: the database's conversations alone"
