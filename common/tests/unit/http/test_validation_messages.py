"""Requests that break one constraint each, sent to the real applications of all services."""

import re
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from common.tests.services import WITH_API, ServiceUnderTest
from fastapi import FastAPI
from pydantic import BaseModel, EmailStr, Field, ValidationError

from common.domain.tokens import SignedInUser
from common.http.validation_messages import validation_message
from devkit.testing.keys import KeyPair
from devkit.testing.running import somebody
from devkit.testing.tokens import TokenSigner

SECRET = "hunter2"
BROKEN_PRICES = (
    (0, "must be between 0.01 and 999999.99"),
    (1.999, "must have at most two decimals"),
    ("1.999", "must have at most two decimals"),
    (SECRET, 'must consist of digits, with at most one point between them, such as "19.90"'),
)
BROKEN_FORMATS = {
    "email": ((SECRET, "must be an e-mail address"),),
    "date-time": (
        (SECRET, "must be a time with its offset, such as 2027-05-01T20:00:00+02:00"),
        ("2027-05-01T20:00:00", "must end with its offset from UTC, such as +02:00 or Z"),
    ),
}
WORDS_OF_PYDANTIC = re.compile(r"String should|Input should|Value error|Field required|value is not|Extra inputs")


class AlwaysReady:
    """An instance that lets every request through to the validation, without database and broker."""

    name = "test"

    def on_failure(self) -> None: ...
    def running(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    def check_alive(self) -> None: ...
    async def check_ready(self) -> None: ...
    async def check_can_publish(self) -> None: ...


@dataclass(frozen=True)
class Broken:
    """A request in which one value breaks one constraint of the OpenAPI document, and what the answer must say."""

    method: str
    path: str
    field: str
    value: Any
    message: str
    in_body: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path} with {self.field} = {self.value!r:.40}"


def broken_values(schema: dict[str, Any], *, in_body: bool) -> Iterator[tuple[Any, str]]:
    """A value and its message for each constraint of this schema."""
    while "anyOf" in schema:  # the second option is null, or the text of a price
        schema = schema["anyOf"][0]
    if "$ref" in schema:
        yield (SECRET, "must be a JSON object")
        return
    kind, pattern = schema["type"], schema.get("pattern", "")
    if in_body:
        wrong_type = {"string": "must be a text", "integer": "must be a whole number", "number": "must be a number"}
        yield ([SECRET], wrong_type[kind] + (', such as 19.99, or a text, such as "19.90"' if kind == "number" else ""))
    if kind == "integer":
        yield (1.5, "must be a whole number")
        least, most = int(schema["minimum"]), int(schema["maximum"])  # in the document they may be floats
        yield (least - 1, f"must be at least {least}")
        yield (most + 1, f"must be at most {most}")
    if kind == "number":
        yield from BROKEN_PRICES
    if "minLength" in schema:
        least = schema["minLength"]
        yield ("x" * (least - 1), f"must have at least {least} character{'s' if least > 1 else ''}")
    if "maxLength" in schema and schema.get("format") != "email":  # a longer address is no e-mail address at all
        yield ("x" * (schema["maxLength"] + 1), f"must have at most {schema['maxLength']} characters")
    if "{24}" in pattern:
        yield (SECRET, "must be an id of 24 lower-case hexadecimal digits")
    elif pattern:
        yield (f"{SECRET}-", "must consist of letters, digits and underscores")
    yield from BROKEN_FORMATS.get(schema.get("format", ""), ())


def broken_requests(document: dict[str, Any]) -> Iterator[Broken]:
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                name = parameter["name"]
                if parameter["in"] == "header":
                    continue
                target = path if f"{{{name}}}" in path else f"{path}?{name}={{{name}}}"
                for value, message in broken_values(parameter["schema"], in_body=False):
                    yield Broken(method, target, name, value, message, in_body=False)
            if "requestBody" not in operation:
                continue
            body = operation["requestBody"]["content"]["application/json"]["schema"]
            reference = body.get("anyOf", [body])[0]["$ref"]  # the second option of an optional body is null
            body = schemas[reference.rpartition("/")[2]]
            for name, schema in body["properties"].items():
                for value, message in broken_values(schema, in_body=True):
                    yield Broken(method, path, name, value, message, in_body=True)
            for name in body.get("required", []):
                yield Broken(method, path, name, None, "is required", in_body=True)
            yield Broken(method, path, "hobby", SECRET, "is not a known field", in_body=True)


@pytest.fixture
def signed_in(app: FastAPI, client: httpx.AsyncClient, keys: KeyPair) -> Iterator[httpx.AsyncClient]:
    dependencies = app.state.dependencies
    app.state.dependencies = replace(dependencies, instance=AlwaysReady())
    client.cookies["session"] = TokenSigner(keys.private).sign(SignedInUser(somebody(), "buyer@example.com"))
    yield client
    app.state.dependencies = dependencies


@pytest.mark.parametrize("service", WITH_API, ids=str)
async def test_each_broken_constraint_has_a_message_for_people(
    service: ServiceUnderTest, signed_in: httpx.AsyncClient
) -> None:
    document = (await signed_in.get(f"/api/docs/{service.spec.name}/openapi.json")).json()
    requests = list(broken_requests(document))
    # Only a service without any input may have no constraint. Each of the others has at least five.
    takes_input = any("requestBody" in each for of_path in document["paths"].values() for each in of_path.values())
    assert len(requests) >= (5 if takes_input else 0), "the constraints were not found in the document"
    for request in requests:
        path = request.path.replace(f"{{{request.field}}}", str(request.value)).format(
            ticketId="0" * 24, orderId="0" * 24
        )
        body = {request.field: request.value} if request.in_body and request.value is not None else {}
        answer = await signed_in.request(request.method, path, json=body if request.in_body else None)
        assert answer.status_code == 422, f"{request}: {answer.text}"
        messages = [each["message"] for each in answer.json()["errors"] if each.get("field") == request.field]
        assert messages == [request.message], f"{request}: {answer.text}"
        assert not WORDS_OF_PYDANTIC.search(answer.text), request
        assert SECRET not in answer.text, "an answer never repeats the value"


class Form(BaseModel):
    address: EmailStr = "buyer@example.com"
    code: str = Field(default="A", pattern="^A+$")
    moment: tuple[int, int] = (1, 2)
    nested: "Form | None" = None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"address": f"{SECRET}@example"}, "must be an e-mail address"),
        ({"code": SECRET}, "must match the pattern ^A+$"),
        ({"moment": SECRET}, "is not valid"),
        ({"nested": SECRET}, "must be a JSON object"),
    ],
    ids=str,
)
def test_an_error_that_no_service_has_yet_has_a_clear_message_too(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Form.model_validate(values)
    assert [validation_message(each) for each in refused.value.errors()] == [message]
