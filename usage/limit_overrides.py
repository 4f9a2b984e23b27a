"""Pass the limits that operators have set in the admin on to `core.site_limits`."""

from core import site_limits
from usage.models import SiteLimits


def read() -> None:
    """Read the row, and use its values from now on. Raises DatabaseError. Then the values before it stay in use."""
    row = SiteLimits.objects.filter(pk=SiteLimits.ONLY).first()
    site_limits.override(row.values() if row else {})
