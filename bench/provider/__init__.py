"""A simulated OpenAI: a real HTTP and WebSocket server with set delays, scripted words and faults on demand.

    python -m bench.provider --port 8900 --delays '{"first_token_ms": 250, "token_ms": 20}'

Tests and benchmarks start it in a process of its own with `Provider`. The shapes are those of the `openai` package's types.
"""

from bench.provider.process import Provider

__all__ = ["Provider"]
