"""Makes messages for people about values that pydantic refuses.

A message is the second part of a sentence that begins with the name of the field, for example "title is required". We
do not use pydantic's own messages, because they contain technical words ("String should have at least 8 characters").
No message contains the refused value, because the value may be a password.
"""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from common.domain.ids import ID_PATTERN

_SENTENCES = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_type": "must be a text",
    "string_unicode": "must be a text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number with fewer digits",
    "int_from_float": "must be a whole number",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "list_type": "must be a JSON array",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
}

_OF_PATTERN = {
    ID_PATTERN: "must be an id of 24 lower-case hexadecimal digits",
    r"^[A-Za-z0-9_]+$": "must consist of letters, digits and underscores",
    r"^https?://": "must begin with http:// or https://",
}

_TYPES_OF_PYDANTIC = frozenset(get_args(ErrorType))


def validation_message(error: ErrorDetails | Mapping[str, Any]) -> str:
    """Return the message for one item of the list that `ValidationError.errors()` returns."""
    kind, limits = error["type"], error.get("ctx", {})
    if kind in _SENTENCES:
        return _SENTENCES[kind].format_map(limits)
    if kind == "string_too_short":
        return f"must have at least {_characters(limits['min_length'])}"
    if kind == "string_too_long":
        return f"must have at most {_characters(limits['max_length'])}"
    if kind == "string_pattern_mismatch":
        return _OF_PATTERN.get(limits["pattern"], f"must match the pattern {limits['pattern']}")
    if kind == "value_error" and "reason" in limits:  # pydantic sets a reason only for an EmailStr
        return "must be an e-mail address"
    # If `kind` is not a type of pydantic, our own code has raised a PydanticCustomError with a message for people.
    return "is not valid" if kind in _TYPES_OF_PYDANTIC else str(error["msg"])


def _characters(count: int) -> str:
    return "1 character" if count == 1 else f"{count} characters"
