from typing import Any

from django import template

from usage import report_page

register = template.Library()


@register.filter
def measured(value: Any) -> dict[str, Any] | None:
    """Return the line that a conversation's page shows below a message with this `measured`, None if there is none."""
    return report_page.of_message(value)
