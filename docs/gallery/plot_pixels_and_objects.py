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
ROUND, LONG, SMALL = 1, 2, 3
dots = {
    ROUND: [(227, 234), (198, 130), (127, 224), (182, 168)],
    LONG: [(59, 195), (161, 89), (129, 127), (214, 25)],
    SMALL: [(125, 252), (201, 254), (251, 178), (22, 137)],
}
annotation = np.zeros(objects.shape, np.uint8)
for kind, places in dots.items():
    for y, x in places:
        annotation[y - 1 : y + 2, x - 1 : x + 2] = kind

sorter = pf.ObjectClassifier(["area", "mean_max_distance_to_centroid_ratio"]).fit([objects], [annotation])
kinds = sorter.predict(objects)
for kind, name in ((ROUND, "round"), (LONG, "long"), (SMALL, "small")):
    print(name, len(np.unique(objects[kinds == kind])))

# %%
# Crosses are the annotated objects.

figure, axis = plt.subplots(figsize=(5, 5), layout="constrained")
axis.imshow(image, cmap="gray")
axis.imshow(np.ma.masked_equal(kinds, 0), cmap="brg", alpha=0.4, vmin=1, vmax=3, interpolation="nearest")
for places in dots.values():
    y, x = np.transpose(places)
    axis.plot(x, y, "+", color="white")
axis.set_title("round (blue), long (red), small (green)")
axis.set_axis_off()

# %%
# The trees of this forest can be looked at, too.

pf.plot.draw_split_statistics(pf.explain.split_statistics(sorter.estimator_))
