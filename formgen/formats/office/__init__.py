"""Documents of other word processors (.odt, .doc, .rtf): turned into DOCX by LibreOffice, then read."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
