"""What clients send, on its way into the log."""
