"""What stops a command: the message is the one line that the user reads."""


class PlatformError(Exception):
    """Something that the user can put right; the message says how."""

    exit_code = 1


class BadSettings(PlatformError):
    """A line for each variable that has a value it cannot have."""

    exit_code = 2
