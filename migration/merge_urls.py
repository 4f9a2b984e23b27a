from django.urls import path

from migration import merge_views

urlpatterns = [
    path("merge/", merge_views.merge, name="account_merge"),
    path("merge/progress", merge_views.progress, name="account_merge_progress"),
]
