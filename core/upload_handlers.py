from django.core.files.uploadhandler import MemoryFileUploadHandler


class InMemory(MemoryFileUploadHandler):
    """Keep an uploaded file in memory, whatever its size.

    It is decoded at once, and `talking_agent.limits` has admitted its body.
    """

    def handle_raw_input(self, *args: object, **kwargs: object) -> None:
        self.activated = True
