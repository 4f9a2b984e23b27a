from django import template

from usage import report_page

register = template.Library()


@register.filter
def measured(value: object) -> dict[str, object] | None:
    """Return the line that a conversation's page shows below a message with this `measured`, None if there is none."""
    return report_page.of_message(value)
