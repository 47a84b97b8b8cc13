"""
Augmentation: altered copies, and what they are worth
=====================================================

Flipped, turned, bent or blurred copies of a photograph are still photographs of the same thing. The fourth document
this project began with, a course on skin lesions, shows them one by one. Here labels follow their pixels, all images
are altered at once, whatever their size, and whether the copies help is measured on images that no copy was made of.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import pixelforest as pf
from pixelforest.demo_data import load_demo, load_stained

names, images, masks = load_stained()

# %%
# One image, altered in one way at a time
# ---------------------------------------
# The course rotates, flips and blurs. Strengths are limits: every copy draws its own value.

still = {"flip": False, "quarter_turns": False}
ways = {
    "flips": pf.Augmentation(quarter_turns=False),
    "quarter turns": pf.Augmentation(flip=False),
    "rotation=30": pf.Augmentation(rotation=30, **still),
    "elastic=3": pf.Augmentation(elastic=3, **still),
    "blur=4": pf.Augmentation(blur=4, **still),
    "gain=1, offset=0.5": pf.Augmentation(gain=1, offset=0.5, **still),
    "noise=0.5": pf.Augmentation(noise=0.5, **still),
}
figure, axes = plt.subplots(2, 4, figsize=(11, 4.8), layout="constrained")
axes[0, 0].imshow(images[1])
axes[0, 0].contour(masks[1] > 0, [0.5], colors="yellow", linewidths=0.8)
axes[0, 0].set_title("original, outlined")
for ax, (title, how) in zip(axes.flat[1:], ways.items(), strict=True):
    more, labels = pf.augment([images[1]], [masks[1]], how, channel_axis=-1, random_state=3)
    ax.imshow(more[1])
    ax.contour(labels[1] > 0, [0.5], colors="yellow", linewidths=0.8)
    ax.set_title(title)
for ax in axes.flat:
    ax.set_axis_off()

# %%
# Many images at once
# -------------------
# `copies=2` gives two altered images of each. A copy depends on `random_state`, on the position of its image and on its
# own number, and on nothing else. Labels are moved and never mixed: no nucleus gets a number that it did not have.

how = pf.Augmentation(rotation=15, elastic=2, gain=0.3, blur=1)
more, labels = pf.augment(images, masks, how, copies=2, channel_axis=-1, random_state=0)
print(len(images), "images became", len(more))
assert all(set(np.unique(one)) <= set(np.unique(masks[i % 3])) for i, one in enumerate(labels))

figure, axes = plt.subplots(3, 3, figsize=(8, 7), layout="constrained")
for ax, one in zip(axes.T.flat, [more[k] for i in range(3) for k in (i, i + 3, i + 6)], strict=True):
    ax.imshow(one)
    ax.set_axis_off()
for ax, title in zip(axes[0], names, strict=True):
    ax.set_title(title[:20])

# %%
# Does it help?
# -------------
# "Enhanced model performance", "to prevent models from overfitting", says the course, which does not measure it. Here
# six images of nuclei with a few strokes are learnt from, and twelve others, with reference masks, are predicted.
# `AugmentedTraining` alters images inside `fit`, so in a cross-validation, too, no copy of a test image is ever learnt
# from. Forests are random: everything is done with three seeds.

demo = load_demo()
truth = [np.where(mask > 0, 2, 1) for mask in demo.test_masks]
stack = pf.ImageFeatureStack(("gaussian", "laplacian_of_gaussian"), sigmas=(1, 2, 4))
kinds = {
    "no copies": None,
    "flips and quarter turns": pf.Augmentation(),
    "contrast and brightness": pf.Augmentation(gain=1, offset=0.5, **still),
    "noise and blur": pf.Augmentation(noise=0.3, blur=1, **still),
}


def mean_jaccard(how, seed):
    forest = pf.OpenCLRandomForestClassifier(30, max_depth=8, random_state=seed)
    model = pf.ImageSegmenter(stack, forest)
    if how is not None:
        model = pf.AugmentedTraining(model, how, copies=2, random_state=seed)
    found = model.fit(demo.train_images, demo.train_scribbles).predict(demo.test_images)
    pairs = zip(truth, found, strict=True)
    return np.mean([pf.metrics.pixel_jaccard(*pair, average="binary", pos_label=2) for pair in pairs])


seeds = range(3)
table = pd.DataFrame({title: [mean_jaccard(how, seed) for seed in seeds] for title, how in kinds.items()}, seeds).T
print(table.assign(mean=table.mean(axis=1)).round(3))

# %%
figure, ax = plt.subplots(figsize=(6.4, 2.6), layout="constrained")
for position, scores in enumerate(table[::-1].to_numpy()):
    ax.plot(scores, [position] * len(scores), "o", color="#0072B2", alpha=0.6)
    ax.plot(scores.mean(), position, "k|", markersize=16)
ax.set_yticks(range(len(table)), table.index[::-1])
ax.set_xlabel("mean Jaccard index of 12 test images: seeds, and mean")

# %%
# It depends. Noise and blur help a little with every seed: other images are less, or more, sharp than these six. Flips
# and quarter turns change nothing, because these filters look the same from all sides. Copies with other contrasts
# differ between seeds by more than they gain. So measure it, on images of your own; to add strokes helps more.
