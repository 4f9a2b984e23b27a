from django.contrib import admin
from django.urls import include, path

from talking_agent import views

handler400 = "conversations.errors.bad_request"
handler404 = "conversations.errors.not_found"
handler500 = "conversations.errors.server_error"

urlpatterns = [
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("favicon.ico", views.favicon),
    path("api/", include("tutor.urls")),
    path("api/", include("conversations.urls")),
    path("api/", include("audio.urls")),
    path("admin/", admin.site.urls),
    path("", include("tutor.pages")),
]
