"""scikit-learn estimators and transformers for images, with an exact OpenCL engine."""

from pixelforest import metrics, model_selection
from pixelforest.estimators.checks import check_image_estimator
from pixelforest.estimators.compile_forest import compile_forest
from pixelforest.estimators.extra_trees import OpenCLExtraTreesClassifier
from pixelforest.estimators.extra_trees_regressor import OpenCLExtraTreesRegressor
from pixelforest.estimators.feature_stack import ImageFeatureStack
from pixelforest.estimators.flatten import Flatten
from pixelforest.estimators.normalizer import ImageNormalizer
from pixelforest.estimators.object_segmenter import ObjectSegmenter
from pixelforest.estimators.pixel_classifier import PixelClassifier
from pixelforest.estimators.random_forest import OpenCLRandomForestClassifier
from pixelforest.estimators.random_forest_regressor import OpenCLRandomForestRegressor
from pixelforest.estimators.segmenter import ImageSegmenter
from pixelforest.features.custom import CustomFilter, register_filter
from pixelforest.features.spec import FeatureSpec
from pixelforest.images.instances import instance_classes

__version__ = "0.1.0.dev0"

__all__ = [
    "CustomFilter",
    "FeatureSpec",
    "Flatten",
    "ImageFeatureStack",
    "ImageNormalizer",
    "ImageSegmenter",
    "ObjectSegmenter",
    "OpenCLExtraTreesClassifier",
    "OpenCLExtraTreesRegressor",
    "OpenCLRandomForestClassifier",
    "OpenCLRandomForestRegressor",
    "PixelClassifier",
    "check_image_estimator",
    "compile_forest",
    "instance_classes",
    "metrics",
    "model_selection",
    "register_filter",
]
