"""
A pipeline that evolution found
===============================

A project on electron micrographs let TPOT search for a pixel classifier: for 20 minutes it bred pipelines of
scikit-learn, and exported a robust scaler, counts of zeros, the predictions of a deep tree, and XGBoost on top. Here
that pipeline segments images, with its own settings. The micrograph is not at hand; the images are fluorescent nuclei.
Is what was bred there good here? The models learn from strokes on six images, and are scored on twelve others.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import StackingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, RobustScaler
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

import pixelforest as pf
from pixelforest.demo_data import load_demo

demo = load_demo()
images, strokes = demo.train_images, demo.train_scribbles

# %%
# TPOT's two own steps in scikit-learn
# ------------------------------------
#
# ``ZeroCount`` adds two columns: how many features of a row are zero, and how many are not. ``StackingEstimator`` adds
# the predictions of a tree, of the very rows that it learned; scikit-learn's ``StackingClassifier`` adds predictions of
# rows that the tree has not seen, so the next step does not learn to trust a tree of depth 210 blindly.


def count_zeros(X):
    zeros = (X == 0).sum(axis=1)
    return np.column_stack([zeros, X.shape[1] - zeros, X])


tree = DecisionTreeClassifier(max_depth=210, min_samples_leaf=17, min_samples_split=18, random_state=0)
boosted = XGBClassifier(
    learning_rate=0.1, max_depth=20, min_child_weight=15, n_estimators=10, n_jobs=1, subsample=0.7, random_state=0
)
evolved = make_pipeline(
    RobustScaler(),
    FunctionTransformer(count_zeros),
    StackingClassifier([("tree", tree)], boosted, passthrough=True, cv=3),
)

# %%
# Beside the forest of this package
# ---------------------------------
#
# Features as in the Weka plugin that the project took after. XGBoost refuses classes other than 0 and 1; the segmenter
# takes care of that, and labels come out as they went in.

features = pf.ImageFeatureStack(
    ("original", "gaussian", "gaussian_gradient_magnitude", "hessian_eigenvalues"), sigmas=(1, 2, 4)
)
models = {"evolved pipeline": pf.ImageSegmenter(features, evolved), "default forest": pf.ImageSegmenter(features)}
reference = [np.where(mask > 0, 2, 1) for mask in demo.test_masks]
segmented = {name: model.fit(images, strokes).predict(demo.test_images) for name, model in models.items()}
pd.DataFrame(
    {
        name: [pf.metrics.pixel_jaccard([truth], [found]) for truth, found in zip(reference, labels, strict=True)]
        for name, labels in segmented.items()
    }
).rename_axis(columns="Jaccard index of pixels").describe().loc[["count", "mean", "min", "max"]].round(3)

# %%
# What was bred for one micrograph is no better on other images than a forest that nobody tuned: a search has to be
# repeated, on tables of the images at hand and split by image (``docs/other-learners.md``).

figure, axes = plt.subplots(1, 3, figsize=(10, 3.7), layout="constrained")
pictures = {"image": demo.test_images[0]}
pictures |= {name: (labels[0] == 2).astype(float) for name, labels in segmented.items()}
for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture, cmap="gray", vmax=np.quantile(picture, 0.995))
    axis.set_title(title)
    axis.set_axis_off()
