from django.core.files.uploadhandler import MemoryFileUploadHandler


class InMemory(MemoryFileUploadHandler):
    """Keep an uploaded file in memory, whatever its size: it is decoded at once, and `limits` has admitted its body."""

    def handle_raw_input(self, *args: object, **kwargs: object) -> None:
        self.activated = True
