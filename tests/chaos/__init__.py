"""Chaos: processes are killed, frozen and restarted under load, and the clients' own records are checked afterwards."""
