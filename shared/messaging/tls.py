"""TLS towards NATS: which files it takes, and what is made of them."""

import dataclasses
import ssl


@dataclasses.dataclass(frozen=True)
class Tls:
    """Paths of PEM files. An empty one is not used.

    ``ca`` has the certificates that NATS' own must come from: without it, those that this machine trusts. ``cert`` and
    ``key`` are what this process shows of itself.
    """

    ca: str = ""
    cert: str = ""
    key: str = ""

    def context(self) -> ssl.SSLContext:
        """The files as they are now: a certificate that was replaced counts from the next connection on.

        Raises OSError, of which ssl.SSLError is one, for a file that cannot be read or does not fit.
        """
        context = ssl.create_default_context(cafile=self.ca or None)
        if self.cert:
            context.load_cert_chain(self.cert, self.key, password=_no_password)
        return context


def _no_password() -> str:
    """OpenSSL would ask the terminal for it."""
    raise OSError("the key is encrypted")
