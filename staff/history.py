import uuid

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from staff.permissions import SEE_ACCESS, may


def history(request: HttpRequest, key: uuid.UUID | str) -> HttpResponse:
    """Redirect to the record of access of this conversation or recording, which replaces Django's page of its history."""
    if not may(request, SEE_ACCESS):
        raise PermissionDenied
    return redirect(f"{reverse('admin:staff_accessrecord_changelist')}?key={key}")
