from django.urls import path

from learning import progress_views, views

urlpatterns = [
    path("conversations/<str:id>/placement", progress_views.PlacementView.as_view()),
    path("mistakes", views.MistakesView.as_view()),
    path("mistakes/<str:id>", views.MistakeView.as_view()),
    path("mistakes/<str:id>/report", views.ReportView.as_view()),
    path("progress", progress_views.ProgressView.as_view()),
    path("reviews/next", views.NextReviewsView.as_view()),
    path("today", progress_views.TodayView.as_view()),
]
