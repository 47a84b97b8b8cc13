"""Measurements of labelled regions: tables of objects, from label images and the images behind them."""

from pixelforest.regions.measure import measure_regions
from pixelforest.regions.region_table import RegionTable

__all__ = ["RegionTable", "measure_regions"]
