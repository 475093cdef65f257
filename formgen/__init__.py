"""formgen: forms that go out as documents, come back as documents, and become records."""

__version__ = "0.1.0"
