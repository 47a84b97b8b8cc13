"""``python -m benchmarks forest``: compiled forests against scikit-learn and every engine that can be installed."""
