"""Stateless socket.io gateways: they check, stamp and forward what clients say, and emit what the broker delivers."""
