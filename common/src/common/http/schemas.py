"""The base classes of request and response bodies, and the query parameters of paged lists."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from common.domain.ids import AnyId


class RequestBody(BaseModel):
    """The base class of request bodies. It checks the values and the names of the fields strictly.

    For example, it does not accept the text "1" as a number. It does not accept an unknown field, because the name of
    the field is probably a typing mistake.
    """

    model_config = ConfigDict(alias_generator=to_camel, strict=True, extra="forbid", frozen=True)


class ResponseBody(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True, from_attributes=True
    )


PageLimit = Annotated[int, Query(ge=1, le=100, description="The largest number of items on one page.")]
PageCursor = Annotated[AnyId | None, Query(description="The `nextCursor` in the previous page.")]
