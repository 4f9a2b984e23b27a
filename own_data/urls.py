from django.urls import path

from own_data import views

urlpatterns = [
    path("me", views.OwnDataView.as_view()),
    path("me/tokens", views.TokensView.as_view()),
    path("me/tokens/<str:id>", views.TokenView.as_view()),
    path("me/export", views.ExportView.as_view()),
    path("me/export/file", views.ExportFileView.as_view(), name="export-file"),
    path("me/erasure", views.ErasureView.as_view()),
]
