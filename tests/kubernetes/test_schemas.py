"""Everything is what Kubernetes' own schemas allow, and nothing is in it that they do not know."""

from pathlib import Path

import kubernetes_validate
import pytest
from kubernetes.rendering import MANIFESTS, Objects, render

VERSION = "1.37"
NOT_BUILT_IN = {"Gateway", "HTTPRoute"}
"""Their schemas come with the Gateway API, not with Kubernetes."""


def test_every_object_is_valid(rendered: Objects) -> None:
    for each in rendered.all:
        kubernetes_validate.validate(each, VERSION, strict=True)


def test_no_two_objects_have_the_same_name(rendered: Objects) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in rendered.all]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("overlay", ["kind", "production"])
def test_the_gateway_api_can_be_switched_on_in_any_overlay(overlay: str, tmp_path: Path) -> None:
    relative = "../" * (len(tmp_path.resolve().parts) - 1) + str(MANIFESTS).lstrip("/")  # kustomize takes no other
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [{relative}/overlays/{overlay}]\ncomponents: [{relative}/components/gateway-api]\n"
    )
    objects = render(tmp_path)
    assert not objects.of("Ingress")
    assert {each["kind"] for each in objects.all} >= NOT_BUILT_IN
