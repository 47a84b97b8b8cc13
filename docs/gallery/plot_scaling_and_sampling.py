"""
One scale for all images, and how many pixels of each class
===========================================================

Fluorescence images of one stain differ in brightness by factors. ``normalization="percentile"`` scales every image by
its own percentiles, inside the model, tile by tile and bit for bit as for the whole image. ``sampling`` says whether
classes keep the frequencies in which they were annotated. A model learns from the strokes on six images,
and twelve others are the test; :doc:`../honest-validation` has the study on full masks.
"""

import matplotlib.pyplot as plt
import numpy as np

import pixelforest as pf
from pixelforest.demo_data import load_demo

demo = load_demo()
truths = [np.where(mask > 0, 2, 1).astype(np.uint8) for mask in demo.test_masks]

# %%
# Four models
# -----------

scores = {}
for normalization in (None, "percentile"):
    for sampling in ("balanced", "natural"):
        stack = pf.ImageFeatureStack(("gaussian", "hessian_eigenvalues"), (1, 2, 4), normalization=normalization)
        forest = pf.OpenCLRandomForestClassifier(50, max_depth=10, random_state=0)
        model = pf.ImageSegmenter(stack, forest, sampling=sampling)
        predicted = model.fit(demo.train_images, demo.train_scribbles).predict(demo.test_images)
        scores[f"{sampling},\n{'scaled' if normalization else 'as they are'}"] = [
            pf.metrics.pixel_jaccard([t], [p], average="binary", pos_label=2)
            for t, p in zip(truths, predicted, strict=True)
        ]
for name, values in scores.items():
    print(f"{' '.join(name.split()):24} mean Jaccard of nuclei {np.mean(values):.3f}")

# %%
# Strokes are no sample of the image: their frequencies say how long somebody painted, not how common a class is. Which
# sampling is better is therefore a question for other images, as here; scaling is worth more than either.

figure, axis = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for column, values in enumerate(scores.values()):
    axis.plot(np.full(len(values), column), values, "o", color="tab:blue", alpha=0.5)
    axis.plot([column - 0.25, column + 0.25], [np.mean(values)] * 2, color="black")
axis.set_xticks(range(len(scores)), scores)
axis.set(ylabel="Jaccard index of nuclei, one dot per image", ylim=(0, 1))
