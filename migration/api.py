"""`POST /api/migration`: verify, test and migrate, for operators."""

from collections.abc import Callable
from contextvars import Context
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from migration import probes, runs, schema, trial
from migration.models import Run
from talking_agent import cloud

PERMISSION = "migration.add_run"  # who may begin a migration may also look whether it would work
SIGN_IN = "Sign in at /admin first: this is for operators."
NOT_ALLOWED = "This is for operators who may begin migrations (the permission “Can add run”)."
NOBODY_KNOWN = (
    "The database with the accounts cannot be reached, so nobody can be let in. Run manage.py storage verify."
)


class MigrationView(APIView):
    @extend_schema(**schema.CALL)
    def post(self, request: Request) -> Response:
        if refused := _refused(request):
            return refused
        asked = request.data.get("action") if isinstance(request.data, dict) else None
        act = ACTIONS.get(asked) if isinstance(asked, str) else None
        if act is None:
            return Response({"error": "Invalid action"}, status=status.HTTP_400_BAD_REQUEST)
        return act()


def _refused(request: Request) -> Response | None:
    user = request.user
    if not user.is_authenticated:
        if cloud.database.shuts_out("default"):
            return Response({"error": NOBODY_KNOWN}, status=status.HTTP_503_SERVICE_UNAVAILABLE)
        return Response({"error": SIGN_IN}, status=status.HTTP_401_UNAUTHORIZED)
    if not (user.is_staff and user.has_perm(PERMISSION)):
        return Response({"error": NOT_ALLOWED}, status=status.HTTP_403_FORBIDDEN)
    return None


def _verify() -> Response:
    return Response(probes.report(probes.verify()))


def _test() -> Response:
    return Response(trial.run().report())


def _migrate() -> Response:
    """Returns when everything is there; it goes on if the client leaves. The command and the admin show progress, too."""
    try:
        run = runs.begin("local", "cloud")
    except runs.Busy as busy:
        return Response({"error": str(busy)}, status=status.HTTP_409_CONFLICT)
    except ValueError as error:  # there is no cloud to move to
        return Response({"success": False, "migratedCount": 0, "errors": [str(error)]})
    Context().run(runs.work, run)  # not within the patience of a request
    errors = [f"{what}: {why}" for what, why in run.failed.items()] + [each for each in [run.error] if each]
    success = run.state == Run.State.DONE
    return Response({"success": success, "migratedCount": run.counts.get("conversations", 0), "errors": errors})


ACTIONS: dict[Any, Callable[[], Response]] = {"verify": _verify, "test": _test, "migrate": _migrate}
