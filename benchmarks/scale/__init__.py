"""``python -m benchmarks scale``: whole predictions, memory, dask and workers, from one image to terabytes."""
