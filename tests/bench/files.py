"""The open files that many connections need."""

import resource

from tests.bench.client import Fault

SPARE = 200  # files of a process that are no connections, generously


def allow(connections: int) -> None:
    """Let this process, and those that it starts, hold so many connections each. Raises Fault, saying what to do."""
    needed = connections + SPARE
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < needed:
        raise Fault(
            f"{connections:,} connections need {needed:,} open files in one process, and this system allows {most:,}. "
            f"As root, in the shell that is to start this: ulimit -Hn {needed} "
            f"(a container: docker run --ulimit nofile={needed}; for good: /etc/security/limits.conf)"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))
