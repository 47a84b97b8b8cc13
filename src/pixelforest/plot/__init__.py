"""Pictures of the tables of `pixelforest.explain`; matplotlib is imported when one is drawn."""

from pixelforest.plot.bars import draw_importances
from pixelforest.plot.clusters import draw_cluster_areas, draw_cluster_centers
from pixelforest.plot.heatmaps import draw_correlations, draw_split_statistics

__all__ = [
    "draw_cluster_areas",
    "draw_cluster_centers",
    "draw_correlations",
    "draw_importances",
    "draw_split_statistics",
]
