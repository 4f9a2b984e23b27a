from django.urls import path

from learning import views

urlpatterns = [
    path("mistakes", views.MistakesView.as_view()),
    path("mistakes/<str:id>", views.MistakeView.as_view()),
    path("mistakes/<str:id>/report", views.ReportView.as_view()),
    path("reviews/next", views.NextReviewsView.as_view()),
]
