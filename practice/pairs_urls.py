from django.urls import path

from practice import pairs_views

urlpatterns = [
    path("pairs", pairs_views.PairsView.as_view()),
    path("pairs/<str:id>/attempts", pairs_views.PairAttemptsView.as_view()),
]
