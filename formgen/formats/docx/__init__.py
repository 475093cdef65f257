"""Word documents: out from an office's template, back from whatever program has saved them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
