"""Format bytes for people, as the command and the page's script do."""

from django import template

from migration.byte_sizes import size

register = template.Library()
register.filter("size", size)
