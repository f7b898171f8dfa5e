"""The errors that end a command. The command line prints only their message."""


class PlatformError(Exception):
    """An error that the user can correct; the message says how."""

    exit_code = 1


class BadSettings(PlatformError):
    """Settings with values that are not allowed; the message has one line per variable."""

    exit_code = 2
