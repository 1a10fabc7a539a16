"""What developers run on their own machine; no part of a deployment."""
