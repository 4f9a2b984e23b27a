from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from core import cloud

# Operators who may begin a migration may also check whether it would work.
PERMISSION = "migration.add_run"


class NotSignedIn(APIException):
    """Answer 401. REST framework would turn its own exception into 403, because a session has no `WWW-Authenticate`."""

    status_code = 401
    default_detail = "Sign in at /admin first: this is for operators."


class AccountsOutOfReach(APIException):
    status_code = 503
    default_detail = (
        "The database with the accounts cannot be reached, so no account can be checked. Run manage.py storage verify."
    )


class MayMigrate(BasePermission):
    message = "This is for operators who may begin migrations (the permission “Can add run”)."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            raise AccountsOutOfReach if cloud.database.shuts_out("default") else NotSignedIn
        return request.user.is_staff and request.user.has_perm(PERMISSION)
