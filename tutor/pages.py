from django.urls import path
from django.views.generic import RedirectView, TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="talk.html"), name="talk"),
    path("history", TemplateView.as_view(template_name="history.html"), name="history"),
    path("history/", RedirectView.as_view(pattern_name="history")),
    path("import", TemplateView.as_view(template_name="import.html"), name="import"),
    path("history/<str:conversation>", TemplateView.as_view(template_name="history.html"), name="history-conversation"),
]
