"""Is the process in this container ready? The container's health check; exit code 0 if it is."""

import os
import sys
import urllib.error
import urllib.request


def main() -> int:
    """Ask the probe, and show what it says: ``docker inspect`` keeps that."""
    port = os.environ.get("APP_PORT", "8000")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            print(answer.read().decode())
            return 0
    except urllib.error.HTTPError as answer:
        print(answer.read().decode())
    except OSError as error:
        print(error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
