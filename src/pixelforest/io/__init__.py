"""Files: OME-Zarr images in and label images out, ordinary image files, fitted models."""
