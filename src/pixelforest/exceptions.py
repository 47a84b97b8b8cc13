"""Warnings that callers may want to filter or turn into errors by class."""


class PixelforestDeviceWarning(UserWarning):
    """No OpenCL device works, or one could not be made visible; the text says what to do."""


class UnlabeledImageWarning(UserWarning):
    """Images without any annotated pixel were left out; the text names them."""


class InstanceMaskWarning(UserWarning):
    """Labels hold so many classes that they look like an instance mask."""


class AmbiguousAnnotationWarning(UserWarning):
    """Objects were annotated with several classes and take the most frequent one; the text names them."""
