"""Bytes for people, as the command and the page's script write them."""

from django import template

from migration.actions.terminal import size

register = template.Library()
register.filter("size", size)
