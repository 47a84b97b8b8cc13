"""Pictures of the tables of `pixelforest.explain` and `select_features`; matplotlib is imported when one is drawn."""

from pixelforest.plot.bars import draw_importances
from pixelforest.plot.clusters import draw_cluster_areas, draw_cluster_centers
from pixelforest.plot.curves import draw_cost_and_score
from pixelforest.plot.heatmaps import draw_correlations, draw_split_statistics

__all__ = [
    "draw_cluster_areas",
    "draw_cluster_centers",
    "draw_correlations",
    "draw_cost_and_score",
    "draw_importances",
    "draw_split_statistics",
]
