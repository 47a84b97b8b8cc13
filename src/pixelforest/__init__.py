"""scikit-learn estimators and transformers for images, with an exact OpenCL engine."""

from pixelforest import explain, metrics, model_selection, plot
from pixelforest.augment import Augmentation, augment
from pixelforest.estimators.augmented_training import AugmentedTraining
from pixelforest.estimators.checks import check_image_estimator
from pixelforest.estimators.compile_forest import compile_forest
from pixelforest.estimators.extra_trees import OpenCLExtraTreesClassifier
from pixelforest.estimators.extra_trees_regressor import OpenCLExtraTreesRegressor
from pixelforest.estimators.feature_stack import ImageFeatureStack
from pixelforest.estimators.flatten import Flatten
from pixelforest.estimators.normalizer import ImageNormalizer
from pixelforest.estimators.object_classifier import ObjectClassifier
from pixelforest.estimators.object_merger import ObjectMerger
from pixelforest.estimators.object_regressor import ObjectRegressor
from pixelforest.estimators.object_selector import ObjectSelector
from pixelforest.estimators.pixel_classifier import PixelClassifier
from pixelforest.estimators.pixel_regressor import PixelRegressor
from pixelforest.estimators.random_forest import OpenCLRandomForestClassifier
from pixelforest.estimators.random_forest_regressor import OpenCLRandomForestRegressor
from pixelforest.estimators.region_features import RegionFeatures
from pixelforest.estimators.segmenter import ImageSegmenter
from pixelforest.features.custom import CustomFilter, register_filter
from pixelforest.features.spec import FeatureSpec
from pixelforest.io.measurement_tables import read_measurements
from pixelforest.suggest import suggest_annotations

__version__ = "0.1.0.dev0"

__all__ = [
    "Augmentation",
    "AugmentedTraining",
    "CustomFilter",
    "FeatureSpec",
    "Flatten",
    "ImageFeatureStack",
    "ImageNormalizer",
    "ImageSegmenter",
    "ObjectClassifier",
    "ObjectMerger",
    "ObjectRegressor",
    "ObjectSelector",
    "OpenCLExtraTreesClassifier",
    "OpenCLExtraTreesRegressor",
    "OpenCLRandomForestClassifier",
    "OpenCLRandomForestRegressor",
    "PixelClassifier",
    "PixelRegressor",
    "RegionFeatures",
    "augment",
    "check_image_estimator",
    "compile_forest",
    "explain",
    "metrics",
    "model_selection",
    "plot",
    "read_measurements",
    "register_filter",
    "suggest_annotations",
]
