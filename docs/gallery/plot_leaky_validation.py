"""
What random pixels claim
========================

Neighbouring pixels are nearly the same pixel. Cross-validation that deals out single pixels finds for each tested one a
twin among those that were learnt from. Here the classes are **coin flips**, one per stroke: there is nothing to learn,
and an honest score is 0.5. :doc:`../honest-validation` has the full table and what to do.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_score

import pixelforest as pf
from pixelforest.demo_data import load_demo

demo = load_demo()
both = [i for i, strokes in enumerate(demo.train_scribbles) if {1, 2} <= set(np.unique(strokes).tolist())]
stack = pf.ImageFeatureStack(("gaussian", "hessian_eigenvalues"), sigmas=(1, 2, 4), normalization="percentile")

# %%
# One table per image
# -------------------
#
# ``to_table`` returns a row per annotated pixel, its class, and the stroke that it belongs to.

splits = {"random pixels": StratifiedKFold(3, shuffle=True, random_state=0), "by stroke": StratifiedGroupKFold(3)}
claims = {name: {"coin flips": [], "painted classes": []} for name in splits}
rng = np.random.default_rng(0)
for index in both:
    features = stack.transform([demo.train_images[index]])
    X, y, strokes = pf.to_table(features, [demo.train_scribbles[index]], by="scribble")
    _, stroke = np.unique(strokes, return_inverse=True)
    coin = rng.permutation(np.arange(stroke.max() + 1) % 2)[stroke]  # as many heads as tails
    for name, split in splits.items():
        for kind, classes in (("coin flips", coin), ("painted classes", y)):
            forest = RandomForestClassifier(30, random_state=0)
            scores = cross_val_score(forest, X, classes, groups=stroke, cv=split, scoring="balanced_accuracy")
            claims[name][kind].append(scores.mean())
for name, kinds in claims.items():
    print(f"{name:14}", {kind: round(float(np.mean(values)), 3) for kind, values in kinds.items()})

# %%
# The figure
# ----------
#
# Every dot is an image. Random pixels find what is not there.

figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
for column, kinds in enumerate(claims.values()):
    for shift, (kind, values) in enumerate(kinds.items()):
        shade = ("tab:orange", "tab:blue")[shift]
        axis.plot(
            [column + 0.2 * shift - 0.1] * len(values), values, "o", color=shade, label=kind if not column else None
        )
axis.axhline(0.5, color="gray", linewidth=0.8)
axis.text(1.45, 0.505, "nothing to learn", ha="right", va="bottom", color="gray")
axis.set_xticks(range(len(claims)), claims)
axis.set(xlim=(-0.5, 1.5), ylim=(0.3, 1.02), ylabel="balanced accuracy that is claimed")
axis.legend(loc="lower left")
