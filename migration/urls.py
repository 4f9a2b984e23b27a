from django.urls import path

from migration.api import MigrationView, RunView

urlpatterns = [
    path("migration", MigrationView.as_view()),
    path("migration/runs/<str:key>", RunView.as_view(), name="migration-run"),
]
