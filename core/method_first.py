from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request


class MethodFirst:
    """Refuse an unsupported method before permissions and throttles are checked. A mixin for views of REST framework."""

    allowed_methods: list[str]

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
