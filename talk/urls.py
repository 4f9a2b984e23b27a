from django.urls import path

from talk import privacy_views, speaking_views, views

urlpatterns = [
    path("privacy", privacy_views.PrivacyView.as_view()),
    path("scenarios", views.ScenariosView.as_view()),
    path("text-to-speech", speaking_views.TextToSpeechView.as_view()),
    path("speech-to-text", speaking_views.SpeechToTextView.as_view()),
    path("translate", speaking_views.TranslateView.as_view()),
    path("chat", speaking_views.ChatView.as_view()),
    path("analyze-conversation", speaking_views.AnalyzeConversationView.as_view()),
    path("conversations/<str:id>/turns", views.TurnView.as_view()),
    path("conversations/<str:id>/analysis", speaking_views.KeptAnalysisView.as_view()),
    path("conversations/<str:id>/messages/<str:message_id>", views.MessageView.as_view()),
    path("conversations/<str:id>/messages/<str:message_id>/translation", speaking_views.KeptTranslationView.as_view()),
]
