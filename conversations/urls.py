from django.urls import path

from conversations.import_view import ImportView
from conversations.views import ConversationViewSet, MessageViewSet

urlpatterns = [
    path("conversations", ConversationViewSet.as_view({"get": "list", "post": "create", "delete": "destroy_many"})),
    path(
        "conversations/<str:id>",
        ConversationViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    path("conversations/<str:id>/messages", MessageViewSet.as_view({"get": "list", "post": "create"})),
    path("conversations/<str:id>/restore", ConversationViewSet.as_view({"post": "restore"})),
    path("import", ImportView.as_view()),
]
