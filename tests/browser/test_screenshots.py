"""`make screenshots` runs this file and writes into docs/images."""

from browser.appearance import Photograph
from browser.visit import OpenVisit


async def test_the_api_index_is_photographed(open_visit: OpenVisit, photograph: Photograph) -> None:
    files = await photograph(await (await open_visit()).open("/api/docs"), "api-index")
    assert all(file.stat().st_size < 100_000 for file in files)
