"""What processes say to each other over NATS."""
