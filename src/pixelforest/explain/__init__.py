"""Data frames about models and clusters, and where their rows lie in images.

What a fitted model looks at: splits, importances, correlations of features. How much clusters cover, and whether they
are more than a random seed. Maps of the rows of a table of regions.
"""

from pixelforest.explain.cluster_areas import cluster_areas
from pixelforest.explain.cluster_stability import cluster_stability
from pixelforest.explain.correlations import correlation_table
from pixelforest.explain.impurity import impurity_importances
from pixelforest.explain.permutation import permutation_importances
from pixelforest.explain.region_maps import map_regions, regions_at, select_regions
from pixelforest.explain.splits import split_statistics

__all__ = [
    "cluster_areas",
    "cluster_stability",
    "correlation_table",
    "impurity_importances",
    "map_regions",
    "permutation_importances",
    "regions_at",
    "select_regions",
    "split_statistics",
]
