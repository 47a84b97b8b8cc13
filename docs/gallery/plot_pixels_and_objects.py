"""
From a few strokes to objects of three kinds
============================================

The slides on machine learning for bio-image analysis go from pixels to objects: strokes train a forest that finds the
foreground, objects are measured, and a few of them, named by a person, train the forest that sorts the rest. They end
with the question of what such a forest looks at, and with the forest as text. The image is ImageJ's blobs.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage.measure import label
from skimage.segmentation import find_boundaries

import pixelforest as pf
from pixelforest.demo_data import load_blobs

image, strokes = load_blobs()

# %%
# Pixels
# ------
#
# 1.7 % of the pixels are annotated. The forest is that of the slides' tool: 100 trees of depth 2.

features = pf.ImageFeatureStack(("original", "gaussian", "sobel"), sigmas=(1, 5))
model = pf.ImageSegmenter(features, pf.OpenCLRandomForestClassifier(100, max_depth=2, random_state=0))
model.fit([image], [strokes])
foreground = model.predict(image) == 2

figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
axes[0].imshow(image, cmap="gray")
axes[0].imshow(np.ma.masked_equal(strokes, 0), cmap="bwr", interpolation="nearest")
axes[1].imshow(model.predict_proba(image)[..., 1], cmap="magma", vmin=0, vmax=1)
axes[2].imshow(foreground, cmap="gray")
for axis, title in zip(axes, ("image and strokes", "probability of blob", "blobs"), strict=True):
    axis.set_title(title)
    axis.set_axis_off()

# %%
# What it looks at
# ----------------
#
# The share of the splits at every depth, feature by feature, counted from the nodes of the trees.

pf.plot.draw_split_statistics(pf.explain.split_statistics(model))

# %%
# The forest as text
# ------------------
#
# ``to_opencl`` writes what a person can read, and an OpenCL compiler too. Here are its first lines and the first tree.

print("\n".join(model.classifier_.to_opencl().splitlines()[:40]))

# %%
# Objects
# -------
#
# Connected pixels are an object. Twelve of them are named, as in the example that comes with the slides' tool: four
# round ones, four that are two blobs joined or long, four small ones. Dots on the objects are enough.

objects = label(foreground, connectivity=1)
table = pf.RegionFeatures(["area", "aspect_ratio", "solidity", "bbox"]).set_output(transform="pandas").fit_transform([objects])
table = table.droplevel("image")
is_inside = (table[["bbox-0", "bbox-1"]] > 0).all(axis=1) & (table[["bbox-2", "bbox-3"]] < image.shape).all(axis=1)
table[is_inside].sort_values("area").describe().loc[["count", "min", "50%", "max"]]
