import os
import warnings

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "talking_agent.settings")
# WhiteNoise reads its files synchronously, in a thread; they are small, and there is nothing to do about it here.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  # apps must be ready first
from django.urls import path, re_path  # noqa: E402

from talking_agent.lifespan import lifespan  # noqa: E402
from talking_agent.limits import BodyLimit  # noqa: E402
from tutor.consumers import TalkConsumer, refuse  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(django_application),
        "websocket": URLRouter([path("v1/realtime", TalkConsumer.as_asgi()), re_path("", refuse)]),  # type: ignore[arg-type]
        "lifespan": lifespan,
    }
)
