"""The object from which every route of the storefront gets what it needs."""

from dataclasses import dataclass

from storefront.live.hub import Hub
from storefront.rendering import Renderer
from storefront.shop import Shop


@dataclass(frozen=True)
class Site:
    shop: Shop
    hub: Hub
    renderer: Renderer
