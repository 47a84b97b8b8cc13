"""
Where should the next stroke go?
================================

A person who annotates an image can put the next stroke anywhere, or where the model is least sure.
``suggest_annotations`` names such places. This study lets a script annotate four images of nuclei in both ways:
strokes are squares of 5 × 5 pixels, their labels come from the reference masks, and the score is that of all other
pixels. It is small, so that it runs while this page is built, and it says what it found, whatever that is.
"""

import matplotlib.pyplot as plt
import numpy as np

import pixelforest as pf
from pixelforest.demo_data import load_demo

ROUNDS, PER_ROUND, REACH = 5, 3, 2

demo = load_demo()
studied = range(0, len(demo.test_images), 3)  # every third by name
names = [demo.test_names[index] for index in studied]
images = [demo.test_images[index] for index in studied]
truths = [np.where(demo.test_masks[index] > 0, 2, 1).astype(np.uint8) for index in studied]
print(names)

# %%
# A model, and one square as a stroke
# -----------------------------------
#
# The forest is small because it is trained many times here.


def new_model(seed):
    features = pf.ImageFeatureStack(("original", "gaussian", "hessian_eigenvalues"), sigmas=(1, 3))
    return pf.ImageSegmenter(features, pf.OpenCLRandomForestClassifier(30, max_depth=6, random_state=seed))


def annotate(strokes, truth, places):
    for y, x in places:
        square = np.s_[max(y - REACH, 0) : y + REACH + 1, max(x - REACH, 0) : x + REACH + 1]
        strokes[square] = truth[square]


def random_places(shape, count, rng):
    return np.column_stack([rng.integers(REACH, side - REACH, count) for side in shape])


# %%
# Both annotators start with the same squares: two on nuclei, two on background.


def first_strokes(truth, rng):
    strokes = np.zeros_like(truth)
    for label in (1, 2):
        inside = np.argwhere(truth[REACH:-REACH, REACH:-REACH] == label) + REACH
        annotate(strokes, truth, rng.choice(inside, 2, replace=False))
    return strokes


def score(model, image, truth, strokes):
    """Return the Jaccard index, mean of both classes, of the pixels that nobody annotated."""
    others = np.where(strokes == 0, truth, 0)
    return pf.metrics.pixel_jaccard([others], [model.predict(image)])


def study(image, truth, seed, is_suggested):
    """Return the Jaccard index after every round, the last annotation and the last model."""
    rng = np.random.default_rng(seed)
    strokes = first_strokes(truth, rng)
    model = new_model(seed).fit([image], [strokes])
    scores = [score(model, image, truth, strokes)]
    for _ in range(ROUNDS):
        if is_suggested:
            found = pf.suggest_annotations(model, [image], PER_ROUND, annotations=[strokes], distance=5)
            places = found[["y", "x"]].to_numpy()
        else:
            places = random_places(image.shape, PER_ROUND, rng)
        annotate(strokes, truth, places)
        model.fit([image], [strokes])
        scores.append(score(model, image, truth, strokes))
    return scores, strokes, model


# %%
# Two seeds for every image
# -------------------------

curves = {"random": [], "suggested": []}
last = {}
for image, truth in zip(images, truths, strict=True):
    for seed in (0, 1):
        for strategy, found in curves.items():
            scores, strokes, model = study(image, truth, seed, strategy == "suggested")
            found.append(scores)
            last.setdefault(strategy, (strokes, model))
for strategy, values in curves.items():
    print(f"{strategy}: mean Jaccard {np.mean(values, axis=0)[0]:.3f} -> {np.mean(values, axis=0)[-1]:.3f}")
better = np.array(curves["suggested"])[:, -1] > np.array(curves["random"])[:, -1]
print(f"suggested places were better in {better.sum()} of {len(better)} runs")

# %%
# Thin lines are single runs. A few squares can also make a model worse: the first suggestions are odd places, which
# weigh much while there are few strokes.

figure, axis = plt.subplots(figsize=(6, 3.8), layout="constrained")
for (strategy, values), shade in zip(curves.items(), ("tab:orange", "tab:blue"), strict=True):
    axis.plot(np.transpose(values), color=shade, alpha=0.3, linewidth=0.8)
    axis.plot(np.mean(values, axis=0), color=shade, linewidth=2, label=f"{strategy} places")
axis.set(xlabel=f"rounds of {PER_ROUND} squares", ylabel="Jaccard index of pixels, mean of both classes")
axis.legend(loc="lower right")

# %%
# What was annotated
# ------------------
#
# The first image after the last round: squares on background (blue) and on nuclei (red), and where the model draws the
# line.

figure, axes = plt.subplots(1, 2, figsize=(8, 4.2), layout="constrained")
for axis, (strategy, (strokes, model)) in zip(axes, last.items(), strict=True):
    axis.imshow(images[0], cmap="gray", vmax=np.quantile(images[0], 0.995))
    axis.contour(model.predict(images[0]), levels=[1.5], colors="gold", linewidths=0.8)
    axis.imshow(np.ma.masked_equal(strokes, 0), cmap="bwr", vmin=1, vmax=2, interpolation="nearest")
    axis.set_title(f"{strategy} places")
    axis.set_axis_off()
