from django import template

from usage import report_page

register = template.Library()
register.filter("measured", report_page.of_message)
