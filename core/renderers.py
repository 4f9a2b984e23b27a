from rest_framework.renderers import JSONRenderer


class EscapedJSONRenderer(JSONRenderer):
    """Render JSON in ASCII. A model may write half a surrogate pair, which UTF-8 cannot hold."""

    ensure_ascii = True
