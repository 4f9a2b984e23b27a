"""Reports of browsers are counted and logged in one line, without anything of a learner."""

import json
import logging
from typing import Any

import pytest
from django.test import Client
from prometheus_client import REGISTRY

from talking_agent import csp_reports
from talking_agent.csp_reports import OF_ADDRESS

OLD, NEW = "application/csp-report", "application/reports+json"
SECRET = "0f8fad5b-d9cb-469f-a165-70867728950e"


def sent(body: object, kind: str = OLD, **more: Any) -> Any:
    text = body if isinstance(body, bytes | str) else json.dumps(body)
    return Client().post("/csp-reports", text, content_type=kind, **more)


def old(**fields: object) -> dict[str, object]:
    return {"csp-report": {name.replace("_", "-"): value for name, value in fields.items()}}


def new(**fields: object) -> list[dict[str, object]]:
    return [{"type": "csp-violation", "age": 1, "url": "http://testserver/", "body": fields}]


def count(directive: str) -> float:
    return REGISTRY.get_sample_value("talking_agent_csp_reports_total", {"directive": directive}) or 0.0


IMAGE = {
    "document_uri": f"http://testserver/history/{SECRET}?q={SECRET}",
    "blocked_uri": f"https://evil.example/{SECRET}",
}
LINE = (
    "A browser reports a violation of the policy: img-src blocked https://evil.example on /history/<str:conversation>."
)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (old(violated_directive="img-src 'self' data:", **IMAGE), OLD),
        (old(effective_directive="img-src", violated_directive="default-src", **IMAGE), OLD),
        (
            new(effectiveDirective="img-src", documentURL=IMAGE["document_uri"], blockedURL=IMAGE["blocked_uri"]),
            NEW,
        ),
    ],
)
def test_a_report_is_one_line_without_ids_and_queries(
    body: object, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = count("img-src")
    assert sent(body, kind).status_code == 204
    assert caplog.messages == [LINE]
    assert count("img-src") == before + 1


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("inline", "inline"),
        ("data", "data"),
        (f"http://testserver/api/audio/file/audio/{SECRET}.webm?signature={SECRET}", "/api/audio/file/<path:key>"),
        (f"http://testserver/{SECRET}", "another page"),
        (f"https://name:{SECRET}@evil.example:8443/{SECRET}", "https://evil.example"),
        (f"https://evil.example\n2026 CRITICAL {SECRET}", "unknown"),
        (f"javascript:{SECRET}", "unknown"),
        ("http://[", "unknown"),
        (f"{SECRET}\x00", "unknown"),
        (SECRET, "unknown"),
        (7, "unknown"),
        ("", "unknown"),
    ],
)
def test_an_address_is_shortened(url: object, shown: str, caplog: pytest.LogCaptureFixture) -> None:
    assert sent(old(violated_directive="img-src", blocked_uri=url, document_uri=url)).status_code == 204
    assert f"img-src blocked {shown} on {shown}." in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("named", ["my-src", "img-src\nfoo", 7, None, ["img-src"], "x" * 9999])
def test_an_unknown_directive_gets_no_label_of_its_own(named: object, caplog: pytest.LogCaptureFixture) -> None:
    assert sent(old(violated_directive=named)).status_code == 204
    assert caplog.messages[0].startswith("A browser reports a violation of the policy: unknown blocked ")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"\xff", OLD, 400),
        ("nonsense", OLD, 400),
        ({"a": 1}, OLD, 400),
        (old() | {"csp-report": "text"}, OLD, 400),
        ({"type": "csp-violation"}, NEW, 400),
        ("[" * 5000, NEW, 400),
        (old(), "application/json", 415),
        (old(), "text/plain", 415),
        ([], NEW, 204),
        (
            [{"type": "deprecation", "body": {}}, {"type": "csp-violation"}, {"type": "csp-violation", "body": 1}, 7],
            NEW,
            204,
        ),
    ],
)
def test_rubbish_is_refused_or_ignored(body: object, kind: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    answer = sent(body, kind)
    assert answer.status_code == status
    assert [record for record in caplog.records if record.name == csp_reports.__name__] == []


def test_only_some_reports_of_a_body_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    sent(new(effectiveDirective="img-src") * 500, NEW)
    assert len(caplog.messages) == csp_reports.MOST_IN_BODY


def test_an_address_is_limited(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    answers = [sent(old(), REMOTE_ADDR="203.0.113.7") for _ in range(OF_ADDRESS + 1)]
    assert {each.status_code for each in answers[:-1]} == {204}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert sent(old(), REMOTE_ADDR="203.0.113.8").status_code == 204


def test_each_report_of_a_body_counts_towards_the_limit() -> None:
    answers = [sent(new(effectiveDirective="img-src") * 10, NEW, REMOTE_ADDR="203.0.113.9") for _ in range(4)]
    assert [each.status_code for each in answers] == [204, 204, 204, 429]


def test_the_site_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csp_reports, "OF_SITE", 3)
    assert [sent(old(), REMOTE_ADDR=f"203.0.113.{n}").status_code for n in range(4)] == [204, 204, 204, 429]


def test_the_policy_names_the_address() -> None:
    assert Client().get("/offline").headers["Content-Security-Policy"].endswith("; report-uri /csp-reports")
