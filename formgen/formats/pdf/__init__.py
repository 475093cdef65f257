"""PDF forms: laid out and made fillable here, filled in whatever viewer people have."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
