from django.urls import path

from tutor import speaking_views, views

urlpatterns = [
    path("scenarios", views.scenarios),
    path("text-to-speech", speaking_views.text_to_speech),
    path("speech-to-text", speaking_views.speech_to_text),
    path("translate", speaking_views.translate),
    path("chat", speaking_views.chat),
    path("analyze-conversation", speaking_views.analyze_conversation),
    path("conversations/<str:pk>/turns", views.turn),
    path("conversations/<str:pk>/analysis", speaking_views.kept_analysis),
    path("conversations/<str:pk>/messages/<str:message_id>", views.message),
    path("conversations/<str:pk>/messages/<str:message_id>/translation", speaking_views.kept_translation),
]
