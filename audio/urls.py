from django.urls import path

from audio import views

urlpatterns = [
    path("audio", views.signed_url, name="audio-url"),
    path("audio/file/<path:key>", views.audio_file, name="audio-file"),
]
