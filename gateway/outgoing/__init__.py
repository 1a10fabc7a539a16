"""What the broker delivers, on its way to the clients."""
