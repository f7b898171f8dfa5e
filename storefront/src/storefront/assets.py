"""Serves the style sheet and the scripts of the pages.

Their address contains a digest of all of them. So a browser may keep a file for a year, and asks for a new one when it
has changed.
"""

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from common.domain.errors import NotFound
from storefront.rendering import ASSETS, assets_digest

router = APIRouter()

_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FILES = {path.name: path for path in ASSETS.iterdir()}
"""All files that may be asked for. So no name in a request can lead to another file."""


@router.get("/assets/{digest}/{name}")
async def get_asset(digest: str, name: str) -> Response:
    path = _FILES.get(name)
    if path is None:
        raise NotFound("There is no such file.")
    # During a rollout, a page of one version may ask an instance of another version. Then the file must not be kept.
    is_current = digest == assets_digest()
    keep = "public, max-age=31536000, immutable" if is_current else "no-store"
    return FileResponse(
        path, media_type=_MEDIA_TYPES[path.suffix], headers={"Cache-Control": keep, "X-Content-Type-Options": "nosniff"}
    )
