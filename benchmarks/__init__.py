"""Measurements and long checks of pixelforest; run one with ``python -m benchmarks NAME``."""
