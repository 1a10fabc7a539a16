"""From the TCP connection up to Socket.IO: everything that overrides a library."""
