from django.urls import path

from talk.speaking_views import (
    AnalyzeConversationView,
    ChatView,
    KeptAnalysisView,
    KeptTranslationView,
    SpeechToTextView,
    TextToSpeechView,
    TranslateView,
)
from talk.views import MessageView, ScenariosView, TurnView

urlpatterns = [
    path("scenarios", ScenariosView.as_view()),
    path("text-to-speech", TextToSpeechView.as_view()),
    path("speech-to-text", SpeechToTextView.as_view()),
    path("translate", TranslateView.as_view()),
    path("chat", ChatView.as_view()),
    path("analyze-conversation", AnalyzeConversationView.as_view()),
    path("conversations/<str:id>/turns", TurnView.as_view()),
    path("conversations/<str:id>/analysis", KeptAnalysisView.as_view()),
    path("conversations/<str:id>/messages/<str:message_id>", MessageView.as_view()),
    path("conversations/<str:id>/messages/<str:message_id>/translation", KeptTranslationView.as_view()),
]
