"""
Clusters of colours, in one image and in many
=============================================

How much of a slide is stained? Nobody has to annotate anything to find out: pixels of similar colour are grouped, and
each group is measured. The fourth document this project began with, a course, does this with three photographs of skin
lesions. Here the photographs are of stained nuclei, which may be shipped, and which people have outlined: so there is
something to compare with.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

import pixelforest as pf
from pixelforest.demo_data import load_stained

names, images, masks = load_stained()
names = [f"{name.split('_')[1]} {name[-4:]}" for name in names]

figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
for ax, name, image in zip(axes, names, images, strict=True):
    ax.imshow(image)
    ax.set_title(name)
    ax.set_axis_off()

# %%
# One image
# ---------
# :class:`pixelforest.Flatten` makes a table of an image, one row per pixel and one column per channel, which is what
# clusterers of scikit-learn take; `inverse_transform` makes an image of their answer. The course draws 5 % of the
# pixels first, because k-means was slow; `MiniBatchKMeans` takes its small samples by itself.

flatten = pf.Flatten()
clusterer = MiniBatchKMeans(5, random_state=0)
labels = flatten.inverse_transform(clusterer.fit_predict(flatten.transform(images[1])), like=images[1])
centers = clusterer.cluster_centers_ / 255

figure, axes = plt.subplots(1, 3, figsize=(11, 2.8), layout="constrained")
axes[0].imshow(images[1])
axes[1].imshow(centers[labels])
axes[1].set_title("every pixel in the colour of its centre")
for ax in axes[:2]:
    ax.set_axis_off()
pf.plot.draw_cluster_centers(centers, ax=axes[2])
axes[2].set_title("centres")

# %%
# Many images
# -----------
# A list of images goes through the same pipeline. All pixels are clustered together, so cluster 1 is the same colour
# in all images, and areas can be compared.

pipeline = make_pipeline(pf.Flatten(), KMeans(3, n_init=3, random_state=0))
labels = flatten.inverse_transform(pipeline.fit_predict(images), like=images)
centers = pipeline[-1].cluster_centers_ / 255
table = pf.explain.cluster_areas(labels, names=names)
print(table)

# %%
# In pixels; `spacing=(0.25, 0.25)` would make square micrometres of them, and `values="shares"` parts of the image.

figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
for ax, name, found in zip(axes, names, labels, strict=True):
    ax.imshow(centers[found])
    ax.set_title(name)
    ax.set_axis_off()

# %%
shares = pf.explain.cluster_areas(labels, names=names, values="shares")
ax = pf.plot.draw_cluster_areas(shares, colors=centers)

# %%
# Are dark clusters nuclei?
# -------------------------
# The course asks whether two clusters are enough to tell mole from skin, and leaves the answer to the eye. Here it can
# be given: the overlap (Jaccard index) of the dark cluster with the outlined nuclei. The numbers of clusters mean
# nothing, and change with the seed: the dark one is the one whose centre is darkest. (The course picks it by number, 1
# in the code and 0 in the comment above it.)


def jaccards(clusterer, some, truth):
    found = flatten.inverse_transform(clusterer.fit_predict(flatten.transform(some)), like=some)
    means = clusterer.means_ if isinstance(clusterer, GaussianMixture) else clusterer.cluster_centers_
    dark = means.sum(axis=1).argmin()
    pairs = [((mask > 0).astype(int), (one == dark).astype(int)) for mask, one in zip(truth, found, strict=True)]
    return [pf.metrics.pixel_jaccard(*pair, unlabeled=None, average="binary", pos_label=1) for pair in pairs]


for kind in (KMeans, MiniBatchKMeans, GaussianMixture):
    alone = [jaccards(kind(2, random_state=0), [one], [mask])[0] for one, mask in zip(images, masks, strict=True)]
    together = jaccards(kind(2, random_state=0), images, masks)
    print(f"{kind.__name__:16} each image alone {np.round(alone, 2)}, all together {np.round(together, 2)}")

# %%
# Clusters go where pixels are. The last image has few nuclei; alone, its dark cluster takes the pale rims as well and
# covers 22 % of the image where nuclei cover 12 %. Together, the other images say what dark is, and 16 % remain. For
# the first image, of another slide, it is the other way round with k-means. So cluster images of one kind together; and
# nothing says that clusters are what one is looking for: with a few strokes, see `ImageSegmenter`.
#
# Does the seed decide?
# ---------------------
# `cluster_stability` clusters again with other seeds and compares every two answers by the adjusted Rand index: 1 for
# the same clusters, about 0 for unrelated ones.

pixels = flatten.transform(images)[::10]
for n_clusters in (2, 3, 5, 8):
    pairs = pf.explain.cluster_stability(KMeans(n_clusters, n_init=1), pixels, n_seeds=6, random_state=0)
    print(
        f"{n_clusters} clusters: adjusted Rand index {pairs.adjusted_rand.min():.3f} to {pairs.adjusted_rand.max():.3f}"
    )
