"""What stops the launcher."""


class Trouble(Exception):
    """The system cannot start or continue. The text is for the person at the terminal: what happened and what to do."""
