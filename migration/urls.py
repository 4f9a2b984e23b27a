from django.urls import path

from migration.api import MigrationView

urlpatterns = [path("migration", MigrationView.as_view())]
