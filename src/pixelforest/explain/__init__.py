"""What a fitted model looks at: splits, importances, correlations of features, all as data frames."""

from pixelforest.explain.correlations import correlation_table
from pixelforest.explain.impurity import impurity_importances
from pixelforest.explain.permutation import permutation_importances
from pixelforest.explain.splits import split_statistics

__all__ = ["correlation_table", "impurity_importances", "permutation_importances", "split_statistics"]
