from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class NotByToken(BasePermission):
    """Refuse a program: it must not make further tokens, or erase what it was only meant to use."""

    message = "An API token cannot do this. Open the page /me in a browser."

    def has_permission(self, request: Request, view: object) -> bool:
        return not getattr(request, "has_token", False)
