"""Everything of aiohttp's WebSocket that we replace. Each file says what it replaces, and why.

Pinned to aiohttp 3.14.5; tests/gateway covers each.
"""
