from django.urls import path

from tutor import views

urlpatterns = [
    path("scenarios", views.scenarios),
    path("conversations/<str:pk>/turns", views.turn),
    path("conversations/<str:pk>/messages/<str:message_id>", views.message),
]
