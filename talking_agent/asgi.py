import os
import warnings

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "talking_agent.settings")
# WhiteNoise reads its files synchronously, in a thread. They are small, so the warning is of no use.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
django.setup(set_prefix=False)

# The apps must be ready before these imports.
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from talk.consumers import TalkConsumer, refuse  # noqa: E402
from talk.warming import Warming  # noqa: E402
from talking_agent.handler import Handler  # noqa: E402
from talking_agent.health import Health  # noqa: E402
from talking_agent.lifespan import lifespan  # noqa: E402
from talking_agent.limits import Limits  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": Health(Warming(Limits(Handler()))),
        "websocket": URLRouter([path("v1/realtime", TalkConsumer.as_asgi()), re_path("", refuse)]),  # type: ignore[arg-type]
        "lifespan": lifespan,
    }
)
