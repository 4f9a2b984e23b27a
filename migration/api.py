"""Serve `/api/migration` to operators: verify, test and migrate."""

import uuid
from contextvars import Context

from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversations.representations import milliseconds
from core.absolute_links import absolute
from core.json_types import Json
from core.method_first import MethodFirst
from core.openapi import answers
from learners.authentication import SessionAuthentication
from migration import checks, runs, self_test
from migration.models import Run
from migration.permissions import MayMigrate
from migration.serializers import (
    RESULT,
    ActionSerializer,
    MigratedSerializer,
    RunSerializer,
    TestedSerializer,
    VerifiedSerializer,
)


class AlreadyMigrating(APIException):
    status_code = status.HTTP_409_CONFLICT


class OperatorView(MethodFirst, APIView):
    authentication_classes = [SessionAuthentication]
    permission_classes = [MayMigrate]


class MigrationView(OperatorView):
    @extend_schema(
        operation_id="migration",
        summary="For operators: check the cloud, test it, or move local data into it",
        request=ActionSerializer,
        responses=answers(RESULT, 400, 401, 403, 409, 411, 413, 415, 503)
        | {202: OpenApiResponse(RunSerializer, "It has begun; `Location` is the address of the run.")},
        tags=["operators"],
    )
    def post(self, request: Request) -> Response:
        sent = ActionSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        match sent.validated_data["action"]:
            case "verify":
                return Response(VerifiedSerializer(checks.report(checks.verify())).data)
            case "test":
                return Response(TestedSerializer(self_test.report(self_test.run())).data)
            case _:
                return _migrate(wait=sent.validated_data["wait"])


class RunView(OperatorView):
    @extend_schema(
        operation_id="migrationRun",
        summary="For operators: how far a migration is",
        responses=answers(RunSerializer, 401, 403, 404, 503),
        tags=["operators"],
    )
    def get(self, request: Request, key: str) -> Response:
        try:
            run = Run.objects.using("default").get(pk=uuid.UUID(key))
        except (ValueError, Run.DoesNotExist):
            raise NotFound("There is no such run.") from None
        return Response(RunSerializer(_shape(run)).data)


def _migrate(*, wait: bool) -> Response:
    """Begin to migrate, and with `wait` respond at the end. The run goes on if the client disconnects."""
    try:
        run = runs.begin("local", "cloud")
    except runs.RunInProgress as busy:
        raise AlreadyMigrating(str(busy)) from busy
    except ValueError as error:
        # There is no cloud to move to.
        return Response(MigratedSerializer({"success": False, "migratedCount": 0, "errors": [str(error)]}).data)
    if wait:
        # In an empty context, so that the time limit of a request does not apply.
        Context().run(runs.work, run)
        return Response(MigratedSerializer(_outcome(run)).data)
    shape = _shape(run)
    runs.in_background(run)
    headers = {"Location": shape["url"]}
    return Response(RunSerializer(shape).data, status=status.HTTP_202_ACCEPTED, headers=headers)


def _outcome(run: Run) -> Json:
    errors = [f"{what}: {why}" for what, why in run.failed.items()] + [each for each in [run.error] if each]
    success = run.state == Run.State.DONE
    return {"success": success, "migratedCount": run.counts.get("conversations", 0), "errors": errors}


def _shape(run: Run) -> Json:
    """Describe a run: its progress and its outcome. `success` is null until the run has ended."""
    state = "interrupted" if runs.is_lost(run) else run.state
    outcome = _outcome(run)
    if state == Run.State.RUNNING:
        outcome["success"] = None
    return {
        "id": str(run.pk),
        "url": absolute(reverse("migration-run", args=[run.pk])),
        "state": state,
        "startedAt": milliseconds(run.started_at),
        "finishedAt": milliseconds(run.finished_at),
        "total": {name: run.plan.get(name) for name in ("conversations", "recordings", "bytes")},
        "seen": runs.seen(run),
        "counts": run.counts,
        **outcome,
    }
