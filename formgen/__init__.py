"""formgen: forms that go out as documents, come back as documents, and become records."""

import os

os.environ.setdefault(
    "PYDANTIC_DISABLE_PLUGINS", "__all__"
)  # one would see every value of a form; to look for some takes time

__version__ = "0.1.0"
