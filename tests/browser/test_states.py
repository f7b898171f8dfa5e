"""Every page in every state: axe finds nothing, and everything fits into a narrow or zoomed window."""

import pytest
from browser.accessibility import find_violations
from browser.layout import find_layout_faults
from browser.stage import Stage
from browser.states import STATES


@pytest.mark.parametrize("state", STATES)
async def test_a_page_is_accessible_and_fits_into_a_narrow_window(stage: Stage, state: str) -> None:
    page = await STATES[state](stage)
    assert await find_violations(page) + await find_layout_faults(page) == []
