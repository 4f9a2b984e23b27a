from django.urls import path

from own_data import download_views, export_views, sharing_views, views

urlpatterns = [
    path("me", views.OwnDataView.as_view()),
    path("me/tokens", views.TokensView.as_view()),
    path("me/tokens/<str:id>", views.TokenView.as_view()),
    path("me/export", export_views.ExportView.as_view()),
    path("me/export/file", export_views.ExportFileView.as_view(), name="export-file"),
    path("me/anki", export_views.AnkiView.as_view()),
    path("me/anki/file", export_views.AnkiFileView.as_view(), name="anki-file"),
    path("me/erasure", views.ErasureView.as_view()),
    path("me/links", sharing_views.LinksView.as_view()),
    path("me/links/<str:id>", sharing_views.RevokedLinkView.as_view()),
    path("conversations/<str:id>/links", sharing_views.ShareView.as_view()),
    path("conversations/<str:id>/file", download_views.TalkFileView.as_view()),
]
