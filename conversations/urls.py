from django.urls import path
from rest_framework.routers import Route, SimpleRouter

from conversations.import_view import ImportView
from conversations.links import LinkView
from conversations.views import ConversationViewSet, MessageViewSet


class CollectionRouter(SimpleRouter):
    """Route DELETE on a collection to `destroy_many`, where a view set has it."""

    routes = [
        Route(
            url="^{prefix}{trailing_slash}$",
            mapping={"get": "list", "post": "create", "delete": "destroy_many"},
            name="{basename}-list",
            detail=False,
            initkwargs={"suffix": "List"},
        ),
        *SimpleRouter.routes[1:],
    ]


router = CollectionRouter(trailing_slash=False, use_regex_path=False)
router.register("conversations", ConversationViewSet, basename="conversation")
router.register("conversations/<str:id>/messages", MessageViewSet, basename="message")

urlpatterns = [
    *router.urls,
    path("import", ImportView.as_view()),
    path("audio", LinkView.as_view(), name="audio-url"),
]
