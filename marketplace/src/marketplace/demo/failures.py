"""The two ways in which a demo ends early. Each is told to the viewer in words, and neither as a stack trace."""


class StepFailed(Exception):
    """A step of the story did not happen."""

    def __init__(self, *, expected: str, seen: str) -> None:
        super().__init__(f"expected {expected}; saw {seen}")
        self.expected = expected
        self.seen = seen


class NoPlatform(Exception):
    """There is nobody to play with; the message says what to do."""
