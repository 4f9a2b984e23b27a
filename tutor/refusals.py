"""What a call refuses, or cannot do, as its answer."""

import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from conversations import store, wire
from conversations.errors import OUT_OF_REACH, UNWRITABLE
from tutor.engines.base import CannotDo, EngineError
from tutor.protocol import ProtocolError
from tutor.turns import Refused

logger = logging.getLogger(__name__)

View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def told(view: View) -> View:
    """Around an async view: the errors of this app and of the store become `{"error": ...}`, with the right status."""

    @wraps(view)
    async def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return await view(request, *args, **kwargs)
        except Refused as refusal:
            return JsonResponse({"error": str(refusal)}, status=refusal.status)
        except ProtocolError as problem:
            return JsonResponse({"error": str(problem)}, status=400)
        except CannotDo as cannot:
            return JsonResponse({"error": str(cannot)}, status=501)
        except EngineError as error:
            return JsonResponse({"error": str(error)}, status=503)
        except store.Deleted:
            return JsonResponse({"error": "This conversation was deleted."}, status=410)
        except store.OutOfReach:
            return JsonResponse({"error": OUT_OF_REACH, **wire.where()}, status=503)
        except (OSError, OperationalError) as error:  # a full disk, a locked database
            logger.error("The storage failed.", exc_info=error)
            return JsonResponse({"error": UNWRITABLE}, status=503)

    return answer
