from tests.nats_server import nats_server, nc

__all__ = ["nats_server", "nc"]
