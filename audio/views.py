import re

from django.conf import settings
from django.core import signing
from django.core.files.storage import storages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_safe

from audio import recordings
from audio.storages import signer
from learners.authentication import is_staff
from talking_agent import cloud

OUT_OF_REACH = "The database that knows this recording cannot be reached. Nothing is lost; try again in a moment."
GONE = "This recording does not exist, or is not yours."


@require_GET
def signed_url(request: HttpRequest) -> JsonResponse:
    """`GET /api/audio?key=`: a fresh link to one of the caller's own recordings (staff: any)."""
    key = request.GET.get("key", "")
    if not key:
        return JsonResponse({"error": "Name the recording: /api/audio?key=KEY."}, status=400)
    learner = None if is_staff(request) else request.learner  # type: ignore[attr-defined]
    found = recordings.of([key], learner=learner).get(key)
    if not found and "database" in cloud.down():
        return JsonResponse({"error": OUT_OF_REACH, "degraded": True, "down": cloud.down()}, status=503)
    if not found or not (link := recordings.url(found)):
        return JsonResponse({"error": GONE}, status=404)
    return JsonResponse({"url": link}, headers={"Cache-Control": "no-store"})


@require_safe
def audio_file(request: HttpRequest, key: str) -> HttpResponse:
    """The recording behind a link signed by `LocalAudioStorage.url`; one byte range is honoured."""
    try:
        signer.unsign(f"{key}:{request.GET.get('signature', '')}", max_age=settings.AUDIO_URL_EXPIRY)
    except signing.SignatureExpired:
        return JsonResponse({"error": "This link has expired. Ask for a new one."}, status=403)
    except signing.BadSignature:
        return JsonResponse({"error": "This link was not made here."}, status=403)
    # Nothing is asked of a database: whoever has the link was given it for this recording.
    try:
        with storages["audio_local"].open(key) as file:
            data = file.read()
    except FileNotFoundError:
        return JsonResponse({"error": GONE}, status=404)
    return _ranged(request.headers.get("Range", ""), data, recordings.content_type_of(key))


def _ranged(wanted: str, data: bytes, content_type: str) -> HttpResponse:
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-store"}
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", wanted)
    first, last = match.groups() if match else ("", "")
    if not (first or last) or (first and last and int(last) < int(first)):
        return HttpResponse(data, content_type=content_type, headers=headers)
    start = int(first) if first else max(0, len(data) - int(last))
    stop = min(len(data), int(last) + 1) if first and last else len(data)
    if start >= stop:
        return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
    return HttpResponse(data[start:stop], status=206, content_type=content_type, headers=headers)
