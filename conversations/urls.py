from django.urls import path

from conversations.views import ConversationViewSet

urlpatterns = [
    path("conversations", ConversationViewSet.as_view({"get": "list", "post": "create", "delete": "destroy_many"})),
    path(
        "conversations/<str:pk>",
        ConversationViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    path("conversations/<str:pk>/restore", ConversationViewSet.as_view({"post": "restore"})),
]
