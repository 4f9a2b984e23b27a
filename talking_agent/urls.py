from django.contrib import admin
from django.urls import include, path

from talking_agent import views

handler400 = "conversations.errors.bad_request"
handler404 = "conversations.errors.not_found"
handler500 = "conversations.errors.server_error"

urlpatterns = [
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("metrics", views.metrics),
    path("favicon.ico", views.favicon),
    path("api/schema", views.Schema.as_view(), name="api-schema"),
    path("api/docs", views.Docs.as_view()),
    path("api/", include("tutor.urls")),
    path("api/", include("conversations.urls")),
    path("api/", include("audio.urls")),
    path("api/", include("migration.urls")),
    path("admin/", admin.site.urls),
    path("", include("tutor.pages")),
]
