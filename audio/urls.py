from django.urls import path

from audio import views

urlpatterns = [
    path("audio/file/<path:key>", views.AudioFileView.as_view(), name="audio-file"),
]
