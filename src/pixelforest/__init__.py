"""scikit-learn estimators and transformers for images, with an exact OpenCL engine."""

__version__ = "0.1.0.dev0"
