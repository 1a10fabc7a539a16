"""Revoked apps: their tokens issued until a certain time are invalid. A gateway is told of them when it comes up."""

from shared.contract.refusals import UNAUTHORIZED, Refusal
from shared.contract.tokens import App


class Revocations:
    """What is revoked, by app. Times are in seconds since the epoch."""

    def __init__(self) -> None:
        self._until: dict[str, int] = {}

    def revoke(self, app: str, until: int) -> None:
        """Refuse the app's tokens issued until then."""
        self._until[app] = max(until, self._until.get(app, 0))

    def covers(self, app: App) -> bool:
        """Whether a token is revoked."""
        return app.issued <= self._until.get(app.name, -1)

    def check(self, app: App) -> App:
        """The app, if its token is not revoked. Raises Refusal."""
        if self.covers(app):
            raise Refusal(UNAUTHORIZED, "Token is revoked")
        return app
