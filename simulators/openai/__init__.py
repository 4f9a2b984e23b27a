"""Simulate OpenAI: a real HTTP and WebSocket server with set delays, scripted words and faults on demand.

    python -m simulators.openai --port 8900 --delays '{"first_token_ms": 250, "token_ms": 20}'

Tests and benchmarks start it in a separate process with `Provider`. The shapes are those of the `openai` package's types.
"""

from simulators.openai.process import Provider

__all__ = ["Provider"]
