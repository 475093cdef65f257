"""formgen: forms that go out as documents, come back as documents, and become records."""

import os

# One would see every value of a form; and to look for some takes time.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

__version__ = "0.1.0"
