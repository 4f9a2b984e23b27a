"""Thousands of requests that are made from the API's schema get answers of the schema: no 5xx, no hang, no leak.

Half of them are valid by the schema, half are not. Some name what exists, and some are valid calls with one field changed. A
failure prints the request as a curl command.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import checks
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from simulators.openai import Provider
from tests.access.access_table import AccessTable
from tests.fixtures import PROVIDER_KEY
from tests.fuzzing.callers import ENV, KINDS, Caller
from tests.fuzzing.memory import MemoryWatch
from tests.servers import AgentServer, S3Server

pytestmark = pytest.mark.soak

# Requests for each database.
LEAST = 5_200
# Requests of one round for each operation and caller, valid or not. Operations without parameters have fewer.
OF_A_ROUND, OF_AN_ENGINE = 8, 2
# The caller's talk is saved again before each of so many operations.
RESTORED_EVERY = 6
# Seconds for an answer. Another test may load the machine.
PATIENT = 60
# The confirmation that an erasure needs. Few requests have it, because each erasure costs a new account.
ERASURE = "POST /api/me/erasure"
CHECKS = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
)
# The answer of an engine that cannot do it, which the schema describes.
CANNOT_DO = 501
IDS = {"/api/me/tokens": "token", "/api/conversations": "id"}


@dataclass
class Fuzzing:
    """Make the requests to one server, and collect what is wrong with the answers."""

    server: AgentServer
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)
    slowest: tuple[float, str] = (0.0, "")
    # Seconds, by operation.
    spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        self.schema = schemathesis.openapi.from_url(f"{self.server.url}/api/schema")
        self.operations = [each.ok() for each in self.schema.get_all_operations() if isinstance(each, Ok)]
        self.strategies = [
            (each, each.as_strategy(generation_mode=mode))
            for each in self.operations
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        ]
        self.callers = [Caller(self.server, kind) for kind in KINDS]
        bodies = AccessTable().bodies
        self.valid = {
            f"{each.method.upper()} {each.path}": json.loads(body)
            for each in self.operations
            for call, body in bodies.items()
            if call.replace("<str:", "{").replace(">", "}") == f"{each.method.upper()} {each.path}"
        }

    @property
    def made(self) -> int:
        return sum(self.statuses.values())

    def run_round(self) -> None:
        for caller in self.callers:
            for number, (operation, strategy) in enumerate(self.strategies):
                if number % RESTORED_EVERY == 0:
                    caller.restore()
                is_slow = CANNOT_DO in map(int, operation.responses.status_codes) or "/turns" in operation.path
                self._fuzz(strategy, caller, OF_AN_ENGINE if is_slow else OF_A_ROUND)

    def _fuzz(self, strategy: Any, caller: Caller, count: int) -> None:
        @settings(
            max_examples=count,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy, is_known=st.booleans(), kept=st.randoms())
        def make(case: Any, is_known: bool, kept: Any) -> None:
            if is_known:
                self._name_what_exists(case, caller, kept)
            self._make(case, caller)

        # An operation without parameters has no invalid requests.
        with suppress(Unsatisfiable):
            make()

    def _name_what_exists(self, case: Any, caller: Caller, kept: Any) -> None:
        """Let the request name what the caller has, and change a valid body in one field."""
        kind = next((kind for prefix, kind in IDS.items() if case.operation.path.startswith(prefix)), "key")
        for name in case.path_parameters or {}:
            case.path_parameters[name] = caller.known.get(kind if name == "id" else name, "nothing")
        for name in {"id", "key"} & set(case.query or {}):
            case.query[name] = caller.known[name]
        call = f"{case.operation.method.upper()} {case.operation.path}"
        if call == ERASURE and kept.random() < 0.8:
            return
        if call in self.valid and case.media_type == "application/json":
            valid = self.valid[call]
            changed = kept.choice(list(case.body.items())) if isinstance(case.body, dict) and case.body else None
            case.body = valid | dict([changed] if changed and call != ERASURE else [])

    def _make(self, case: Any, caller: Caller) -> None:
        # The caller's own identity goes in place of the one that was generated.
        case.headers = {name: value for name, value in (case.headers or {}).items() if name != "Authorization"}
        case.cookies = {}
        began = time.monotonic()
        try:
            response = case.call(base_url=self.server.url, headers=caller.headers, timeout=PATIENT)
        except requests.Timeout:
            self.wrong[f"{case.operation.label}: no answer"] = case.as_curl_command()
            return
        took = time.monotonic() - began
        self.slowest = max(self.slowest, (round(took, 1), case.operation.label))
        self.spent[case.operation.label] += took
        self.statuses[response.status_code] += 1
        wanted = CHECKS[1:] if response.status_code == CANNOT_DO else CHECKS
        try:
            case.validate_response(response, checks=list(wanted))
        except FailureGroup as failures:
            for each in failures.exceptions:
                name = f"{caller.kind} {case.operation.label}: {response.status_code} {each.title}"
                self.wrong.setdefault(name, f"{each.message[:600]}\n{case.as_curl_command()[:1500]}")
        if response.status_code == 202 and case.operation.label == ERASURE:
            caller.begin()


@contextmanager
def served(
    request: pytest.FixtureRequest, database: str, s3: S3Server, engine: dict[str, str]
) -> Iterator[AgentServer]:
    folder = request.getfixturevalue("tmp_path_factory").mktemp("fuzzed")
    cloud = (request.getfixturevalue(database).env, s3.env)
    agent = AgentServer(folder, *cloud, ENV, engine, SECRET_KEY="k" * 50)
    agent.set_up()
    agent.start()
    try:
        yield agent
    finally:
        agent.kill()


# The embedded engine answers with one database, the simulated OpenAI with the other.
@pytest.mark.parametrize(("database", "engine"), [("postgres", "local"), ("mongo", "openai_pipeline")])
def test_every_request_is_answered_as_the_schema_says(
    request: pytest.FixtureRequest, provider: Provider, s3: S3Server, database: str, engine: str
) -> None:
    openai = {"OPENAI_API_KEY": PROVIDER_KEY, "OPENAI_BASE_URL": provider.url}
    chosen = {"TUTOR_ENGINE": engine, **({} if engine == "local" else openai)}
    with served(request, database, s3, chosen) as agent:
        fuzzing, memory = Fuzzing(agent), MemoryWatch(agent)
        for caller in fuzzing.callers:
            caller.begin()
        while fuzzing.made < LEAST:
            fuzzing.run_round()
            memory.end_round()
            print(f"{database}: {fuzzing.made} requests, {memory.rounds_mb} MB, slowest {fuzzing.slowest}")
            print(sorted(fuzzing.statuses.items()), flush=True)
            for name, how in fuzzing.wrong.items():
                print(f"-- {name}\n{how}", flush=True)
        print(f"{database}: {sorted(fuzzing.statuses.items())}")
        assert fuzzing.wrong == {}, "\n\n".join(f"{name}\n{how}" for name, how in fuzzing.wrong.items())
        assert "Traceback" not in agent.log.read_text()
        memory.require_flat()
