from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from own_data.sharing_views import shared_page
from talking_agent import views
from talking_agent.csp_reports import CspReportView

handler400 = "talking_agent.api_errors.bad_request"
handler404 = "talking_agent.api_errors.not_found"
handler500 = "talking_agent.api_errors.server_error"

urlpatterns = [
    path("readyz", views.readyz),
    path("metrics", views.metrics),
    path("favicon.ico", views.favicon),
    path("csp-reports", CspReportView.as_view()),
    path("api/schema", SpectacularAPIView.as_view(), name="api-schema"),
    # Its script has its own URL, because the Content-Security-Policy allows no inline scripts.
    path("api/docs", SpectacularSwaggerSplitView.as_view(template_name="api.html", url_name="api-schema")),
    path("api/", include("talk.urls")),
    path("api/", include("conversations.urls")),
    path("api/", include("audio.urls")),
    path("api/", include("migration.urls")),
    path("api/", include("own_data.urls")),
    path("api/", include("learning.urls")),
    path("api/", include("practice.review_urls")),
    path("api/", include("practice.shadowing_urls")),
    path("api/", include("practice.pairs_urls")),
    path("admin/", admin.site.urls),
    path("account/", include("learners.account_urls")),
    path("account/", include("migration.merge_urls")),
    path("account/", include("allauth.urls")),
    path("shared/<str:token>", shared_page, name="shared"),
    path("", include("talk.pages")),
]
