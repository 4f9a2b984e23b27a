from django.http import HttpRequest


def context(request: HttpRequest) -> dict[str, object]:
    """Tell every page the name of the account, "" if the browser is not signed in. Reads no database."""
    identity = getattr(request, "identity", None)
    return {"account_name": identity.name if identity else "", "is_signed_in": bool(identity and identity.device)}
