"""Ask what to do with the conversations that a browser had before it signed in, and show how the merge goes."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from conversations import store
from core import cloud
from learners import devices
from learners.models import Device, LearnerMerge
from learners.requests import SignedInRequest
from migration import learner_merges


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def merge(request: SignedInRequest) -> HttpResponse:
    device, after = devices.current(request), _next(request)
    if device is None:
        return HttpResponseRedirect(after)
    if request.method == "POST":
        choice = request.POST.get("choice")
        if choice not in ("bring", "delete"):
            return HttpResponseRedirect(after)
        learner_merges.begin(device, deletes=choice == "delete")
        learner_merges.start()
        return redirect("account_merge")
    if device.previous_learner:
        number = store.count(device.previous_learner)
        if number or cloud.down():
            return render(request, "account/merge.html", {"number": number, "next": after})
        Device.objects.filter(pk=device.pk).update(previous_learner=None)
    latest = _latest(request)
    if latest is None or "next" in request.GET:
        return HttpResponseRedirect(after)
    return render(request, "account/merging.html", {"merge": latest})


@never_cache
@require_safe
@login_required
def progress(request: SignedInRequest) -> HttpResponse:
    """Return how far the latest merge of the account is, as JSON."""
    latest = _latest(request)
    if latest is None:
        return JsonResponse({"error": "There is no merge."}, status=404)
    is_done = latest.finished_at is not None
    shape = {"done": latest.done, "total": latest.total, "finished": is_done, "problem": latest.problem}
    return JsonResponse(shape)


def _latest(request: SignedInRequest) -> LearnerMerge | None:
    return LearnerMerge.objects.filter(account__user=request.user).first()


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_safe else "/"
