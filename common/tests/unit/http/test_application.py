"""The application of each service: its OpenAPI document, its documentation page, unknown paths and methods."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from common.tests.services import ServiceUnderTest

from devkit.testing.problem_details import assert_problem

EVERYWHERE = {"413", "415", "422", "500", "503"}
"""The statuses that every request may be answered with."""


class Operation(NamedTuple):
    method: str
    path: str
    content: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def without_names(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path)


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, content in methods.items():
            yield Operation(method.upper(), path, content)


@pytest.fixture
async def document(service: ServiceUnderTest, client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get(f"/api/docs/{service.spec.name}/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that a $ref points to. Fails if it points to nothing. That of an optional body is an alternative."""
    schema = schema.get("anyOf", [schema])[0]
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


async def test_each_operation_declares_all_its_statuses(service: ServiceUnderTest, document: dict[str, Any]) -> None:
    found = {(each.method, without_names(each.path)): set(each.content["responses"]) for each in operations(document)}
    expected = {operation: statuses | EVERYWHERE for operation, statuses in service.requests.answers.items()}
    assert found == expected
    assert bool(found) == service.has_api


async def test_each_error_is_declared_as_a_problem_with_an_example(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for status, response in operation.content["responses"].items():
            if status < "400":
                continue
            where = f"{operation} {status}"
            assert response["description"], where
            assert list(response["content"]) == ["application/problem+json"], where
            declared = response["content"]["application/problem+json"]
            schema = resolved(document, declared["schema"])
            assert set(schema["required"]) == {"type", "title", "status", "detail", "errors"}, where
            assert resolved(document, schema["properties"]["errors"]["items"])["required"] == ["message"], where
            assert declared["examples"], where
            for slug, example in declared["examples"].items():
                problem = example["value"]
                assert problem["type"] == f"urn:ticket-marketplace:problem:{slug}", where
                assert str(problem["status"]) == status, where
                assert set(problem) == set(schema["required"]), where
                assert problem["errors"], where


async def test_the_idempotency_key_is_declared_exactly_where_it_has_an_effect(document: dict[str, Any]) -> None:
    declared = {
        str(each)
        for each in operations(document)
        if "Idempotency-Key" in {parameter["name"] for parameter in each.content.get("parameters", [])}
    }
    every = {"POST /api/tickets", "POST /api/orders", "POST /api/payments"}
    assert declared == every & {str(each) for each in operations(document)}


async def test_each_operation_declares_its_parameters_bodies_and_answers(document: dict[str, Any]) -> None:
    for operation in operations(document):
        assert operation.content["summary"], operation
        (success,) = [status for status in operation.content["responses"] if status < "400"]
        if success == "204":
            assert "content" not in operation.content["responses"][success], operation
        else:
            content = operation.content["responses"][success]["content"]
            assert list(content) == ["application/json"], operation
            assert resolved(document, content["application/json"]["schema"])["properties"], operation
        if "requestBody" in operation.content:
            content = operation.content["requestBody"]["content"]
            assert list(content) == ["application/json"], operation
            schema = resolved(document, content["application/json"]["schema"])
            assert schema["additionalProperties"] is False, operation


async def test_operations_that_require_a_signed_in_user_declare_it(document: dict[str, Any]) -> None:
    for operation in operations(document):
        needs_user = "401" in operation.content["responses"] and operation.path != "/api/users/signin"
        if needs_user:
            assert {"HTTPBearer": []} in operation.content["security"], operation
            assert {"APIKeyCookie": []} in operation.content["security"], operation
        elif operation.path != "/api/users/currentuser":  # which accepts a token and does not require it
            assert "security" not in operation.content, operation


class Links(HTMLParser):
    """Collects the addresses that a page makes the browser load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, _tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attributes if name in {"src", "href", "action", "data"} and value]


async def test_the_docs_page_loads_all_its_assets_from_the_service(
    service: ServiceUnderTest, client: httpx.AsyncClient
) -> None:
    page = await client.get(f"/api/docs/{service.spec.name}")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert not re.findall(r"https?://[^\s\"'<]+|[\"']//[^\s\"'<]+", page.text), "a reference to an outside host"
    assets = Links(page.text).found
    assert {path.rpartition(".")[2] for path in assets} >= {"css", "js"}
    (document,) = re.findall(r"url: '([^']+)'", page.text)
    assert document == f"/api/docs/{service.spec.name}/openapi.json"
    for path in [*assets, document]:
        answer = await client.get(path)
        assert answer.status_code == 200, path
        assert answer.content, path
        if path.endswith(".css"):
            loaded = re.findall(r"url\(\s*[\"']?(?!data:|#)([^)\"']+)|@import\s+[\"']([^\"']+)", answer.text)
            assert all(not urlsplit(urljoin(path, found or imported)).netloc for found, imported in loaded), loaded


async def test_the_docs_page_does_not_use_an_external_validator(
    service: ServiceUnderTest, client: httpx.AsyncClient
) -> None:
    page = await client.get(f"/api/docs/{service.spec.name}")
    # By default, Swagger sends the document's address to validator.swagger.io to show a badge.
    assert '"validatorUrl": null' in page.text


async def test_an_unknown_path_is_answered_with_a_problem(service: ServiceUnderTest, client: httpx.AsyncClient) -> None:
    docs = f"/api/docs/{service.spec.name}"
    below_assets = ["..%2f..%2f..%2fetc%2fpasswd", "%00", "%ff", "a" * 5000, "nothing.js", "%2e%2e/openapi.json"]
    outside = ["/api", "/api/nothing", "/%00", "/%ff", f"{docs}/nothing"]
    for path in [*outside, *(f"{docs}/assets/{each}" for each in below_assets)]:
        problem = assert_problem(await client.get(path), 404, path[:40])
        assert len(problem["detail"]) < 300, path[:40]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "NONSENSE"])
async def test_an_unknown_method_is_refused_with_the_allowed_ones(
    method: str, client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    possible = {path: {each.upper() for each in methods} for path, methods in document["paths"].items()}
    others = {"/healthz/live": {"GET"}, "/healthz/ready": {"GET"}, "/metrics": {"GET"}}
    for template, documented in (possible | others).items():
        methods = documented | ({"HEAD"} if "GET" in documented else set())
        if method in methods:
            continue
        path = re.sub(r"{\w+}", "65f0c0ffee00000000000010", template)
        answer = await client.request(method, path)
        assert set(answer.headers["allow"].split(", ")) == methods, f"{method} {path}"
        if method != "HEAD":
            assert_problem(answer, 405, f"{method} {path}")
        assert answer.status_code == 405
