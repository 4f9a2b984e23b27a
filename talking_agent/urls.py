from django.contrib import admin
from django.urls import include, path

from talking_agent import views

handler400 = "talking_agent.api_errors.bad_request"
handler404 = "talking_agent.api_errors.not_found"
handler500 = "talking_agent.api_errors.server_error"

urlpatterns = [
    path("readyz", views.readyz),
    path("metrics", views.metrics),
    path("favicon.ico", views.favicon),
    path("api/schema", views.Schema.as_view(), name="api-schema"),
    path("api/docs", views.Docs.as_view()),
    path("api/", include("talk.urls")),
    path("api/", include("conversations.urls")),
    path("api/", include("audio.urls")),
    path("api/", include("migration.urls")),
    path("admin/", admin.site.urls),
    path("", include("talk.pages")),
]
