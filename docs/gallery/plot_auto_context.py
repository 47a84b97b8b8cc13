"""
A second look: auto-context
===========================

Probabilities of a first model are channels for a second one, which sees what its neighbourhood is (Tu and Bai, 2010).
The trap: on its own training images the first model is far too sure. A second one that learns from such probabilities
trusts them blindly. Here it learns in both ways, and is scored on images that neither stage has seen.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import pixelforest as pf
from pixelforest.demo_data import load_demo

demo = load_demo()
images, strokes = demo.train_images, demo.train_scribbles
reference = [np.where(mask > 0, 2, 1) for mask in demo.test_masks]

forest = pf.OpenCLRandomForestClassifier(50, max_depth=8, random_state=0)
first = pf.ImageSegmenter(pf.ImageFeatureStack(("gaussian", "laplacian_of_gaussian"), sigmas=(1, 2, 4)), forest)
wide = pf.ImageFeatureStack(("original", "gaussian", "laplacian_of_gaussian"), sigmas=(1, 2, 4), channel_axis=-1)

# %%
# Cross-fitted or not
# -------------------
#
# ``cross_val_predict`` gives every training image the probabilities of a model that has not seen it. New images get
# those of the model that was fitted to all.

unseen = pf.model_selection.cross_val_predict(first, images, strokes, cv=len(images), method="predict_proba")
seen = first.fit(images, strokes).predict_proba(images)
new = first.predict_proba(demo.test_images)


def join(images, probabilities):
    return [np.dstack([image, values]) for image, values in zip(images, probabilities, strict=True)]


segmented = {"first stage": first.predict(demo.test_images)}
for name, probabilities in (("cross-fitted", unseen), ("of seen images", seen)):
    second = pf.ImageSegmenter(wide, forest).fit(join(images, probabilities), strokes)
    segmented[name] = second.predict(join(demo.test_images, new))

scores = pd.DataFrame(
    {
        name: [pf.metrics.pixel_jaccard([truth], [found]) for truth, found in zip(reference, labels, strict=True)]
        for name, labels in segmented.items()
    }
).rename_axis(columns="Jaccard index of pixels")
scores.describe().loc[["count", "mean", "min", "max"]].round(3)

# %%
# How sure the first stage is
# ---------------------------
#
# Probabilities of nuclei at strokes on nuclei, in the training images.

is_nucleus = [labels == 2 for labels in strokes]
figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
for name, probabilities in (("seen", seen), ("not seen", unseen)):
    values = np.concatenate([values[where, 1] for values, where in zip(probabilities, is_nucleus, strict=True)])
    axis.hist(values, bins=25, range=(0, 1), histtype="step", label=f"images that were {name}")
axis.set(xlabel="probability of the class that the stroke gives", ylabel="pixels")
axis.legend(loc="upper left")

# %%
# Twelve images are few, and the gain is small; learning from seen images loses it.
