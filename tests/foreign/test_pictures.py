"""The pictures of the documentation show the forms as LibreOffice prints them."""

from __future__ import annotations

import os
import shutil

import pytest
from PIL import Image

from tests.support import pictures


@pytest.mark.slow
def test_the_pictures_show_the_forms_as_they_are() -> None:
    if not shutil.which("soffice"):
        reason = "LibreOffice is missing"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    again = "python -m tests.support.pictures draws it anew"
    for name, drawn in pictures.draw().items():
        with Image.open(pictures.DOCS / name) as stored:
            assert pictures.is_near(drawn, stored.convert("RGB")), f"{name}: {again}"
