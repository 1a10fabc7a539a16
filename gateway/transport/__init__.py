"""From the TCP connection up to Socket.IO: all that overrides a library."""
