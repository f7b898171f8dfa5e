"""The errors after which a command exits. The command line prints the message of the error, but no traceback."""


class PlatformError(Exception):
    """An error that the user can correct. Its message says how to correct it."""

    exit_code = 1


class BadSettings(PlatformError):
    """Some environment variables have values that are not allowed. The message has one line for each of them."""

    exit_code = 2
