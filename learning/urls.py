from django.urls import path

from learning import views

urlpatterns = [
    path("progress", views.ProgressView.as_view()),
    path("conversations/<str:id>/placement", views.PlacementView.as_view()),
    path("today", views.TodayView.as_view()),
]
