"""What every HTTP server of ours has in common."""
