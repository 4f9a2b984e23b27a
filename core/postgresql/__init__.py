"""Provide Django's PostgreSQL backend with queries that cannot hang: see `base`."""
