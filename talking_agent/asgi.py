import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "talking_agent.settings")
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  # apps must be ready first
from django.urls import path  # noqa: E402

from talking_agent.lifespan import lifespan  # noqa: E402
from tutor.consumers import TalkConsumer  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": URLRouter([path("v1/realtime", TalkConsumer.as_asgi())]),
        "lifespan": lifespan,
    }
)
