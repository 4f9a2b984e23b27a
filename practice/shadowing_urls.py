from django.urls import path

from practice import shadowing_views

urlpatterns = [
    path("shadowing/sentences", shadowing_views.SentencesToSayView.as_view()),
    path("shadowing/brought", shadowing_views.BroughtSentencesView.as_view()),
    path("shadowing/speech", shadowing_views.PacedSpeechView.as_view()),
    path("shadowing/attempts", shadowing_views.ShadowingAttemptsView.as_view()),
]
