from django.urls import path

from practice import review_views

urlpatterns = [
    path("reviews/<str:id>/attempts", review_views.AttemptsView.as_view()),
    path("mistakes/<str:id>/sentences", review_views.SentencesView.as_view()),
]
