"""
Accuracy moves with the background, the Jaccard index does not
==============================================================

The fifth document this project began with, slides of a lecture, scores one segmentation twice: once on the whole
picture, and once with most of the background cut off. The same 125 pixels are wrong, and the same 334 are right.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from skimage.draw import disk

import pixelforest as pf

truth, found = np.zeros((2, 70, 70), np.uint8)
truth[disk((35, 35), 11.2)] = 1
truth_pixels = np.flatnonzero(truth)
found.flat[truth_pixels[:334]] = 1
n_missed = len(truth_pixels) - 334
around = [place for place in np.flatnonzero(np.roll(truth, -4, axis=0)) if not truth.flat[place]]
found.flat[around[: 125 - n_missed]] = 1
print(f"{n_missed} pixels are missed and {125 - n_missed} are invented")

# %%
# In the pictures, white is right, red is missed and blue is invented. `unlabeled=None` says that 0 is a class here, the
# background, and not "not annotated".

crops = {"4900 pixels": (truth, found), "2500 pixels": (truth[10:60, 10:60], found[10:60, 10:60])}
printed = {"4900 pixels": (0.97, 0.73), "2500 pixels": (0.95, 0.73)}
rows = {}
figure, axes = plt.subplots(1, 2, figsize=(6, 3), layout="constrained")
for ax, (title, pair) in zip(axes, crops.items(), strict=True):
    accuracy = pf.metrics.pixel_accuracy(*pair, unlabeled=None)
    jaccard = pf.metrics.pixel_jaccard(*pair, unlabeled=None, average="binary", pos_label=1)
    rows[title] = (accuracy, printed[title][0], jaccard, printed[title][1])
    true, guess = (part.astype(bool) for part in pair)
    ax.imshow(np.stack([true, true & guess, guess], axis=-1).astype(float))
    ax.set_title(f"accuracy {accuracy:.2f}, Jaccard {jaccard:.2f}")
    ax.set_axis_off()
columns = ["accuracy", "accuracy, slides", "Jaccard", "Jaccard, slides"]
print(pd.DataFrame(rows, columns).T.round(5))

# %%
# Accuracy counts background that everybody gets right, so it says as much about the frame as about the segmentation.
