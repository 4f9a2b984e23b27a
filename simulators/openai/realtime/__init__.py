"""Serve `WS /v1/realtime`: the Realtime API in its GA shape, with audio in and out as PCM16 mono 24 kHz."""
