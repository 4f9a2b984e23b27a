"""`WS /v1/realtime`: the Realtime API in its GA shape, audio in and out as PCM16 mono 24 kHz."""
