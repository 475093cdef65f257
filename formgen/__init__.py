"""formgen: forms that go out as documents, come back as documents, and become records.

>>> from formgen import Workspace
>>> workspace = Workspace.create("työtila")  # doctest: +SKIP
>>> workspace.generate("referral").path  # doctest: +SKIP
'työtila/outbox/forms/_unit/referral-0c51e0a0f8ab.docx'
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import lazy_loader

# One would see every value of a form; and to look for some takes time.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

__version__ = "0.1.0"

if TYPE_CHECKING:
    from formgen.issuing.issue import GeneratedDocument as GeneratedDocument
    from formgen.workspace import Result as Result
    from formgen.workspace import Review as Review
    from formgen.workspace import Workspace as Workspace

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"issuing.issue": ["GeneratedDocument"], "workspace": ["Result", "Review", "Workspace"]},
)
