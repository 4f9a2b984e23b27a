"""Django's PostgreSQL backend, of which no query can hang: see `base`."""
