"""The reference twin: every kernel once more in NumPy and SciPy; also the fallback where no device works."""
