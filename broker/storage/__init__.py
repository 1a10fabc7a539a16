"""What a broker keeps in NATS: the event log and the snapshots of its state."""
