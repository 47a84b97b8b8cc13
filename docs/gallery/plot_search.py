"""
Search once, compute once; then drop what is not worth its time
================================================================

scikit-learn's searches clone the pipeline for every candidate and fold. A ``FeatureCache`` computes every filter at
every scale once per image for all of them; ``select_features`` then asks which filters are worth what they cost.
:doc:`../search` says what is kept, and how much time that saves where.
"""

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline

import pixelforest as pf
from pixelforest.demo_data import load_demo

demo = load_demo()
images, scribbles = demo.train_images[:3], demo.train_scribbles[:3]

# %%
# Filters, scales and depth in one grid
# -------------------------------------

cache = pf.FeatureCache()
features = pf.ImageFeatureStack(("gaussian", "laplacian_of_gaussian"), cache=cache)
forest = pf.OpenCLRandomForestClassifier(10, random_state=0)
pipeline = Pipeline([("features", features), ("classify", pf.PixelClassifier(forest))])
grid = {"features__sigmas": [(1,), (1, 2), (1, 2, 4)], "classify__estimator__max_depth": [4, 8]}
search = GridSearchCV(pipeline, grid, cv=KFold(3), scoring=pf.metrics.pixel_jaccard_scorer).fit(images, scribbles)
print(f"{cache.misses} planes computed, {cache.hits} found again")
table = pd.DataFrame(search.cv_results_["params"]).assign(jaccard=search.cv_results_["mean_test_score"].round(3))
print(table.to_string(index=False))

# %%
# Which filters are worth their time?
# -----------------------------------
#
# One filter at one scale after the other goes: the one with the least held-out importance for the time that it takes.
# Time is counted in planes here, so that this page says the same on every machine. The scores decide what goes, so they
# are optimistic; ``outer_cv=`` gives scores of images that had no say.

filters = ("original", "gaussian", "laplacian_of_gaussian", "hessian_eigenvalues")
model = pf.ImageSegmenter(
    pf.ImageFeatureStack(filters, sigmas=(1, 4)), pf.OpenCLRandomForestClassifier(10, max_depth=6, random_state=0)
)
found = pf.select_features(
    model, images, scribbles, tolerance=0.02, cv=3, n_repeats=1, random_state=0, cost=lambda plan: len(plan.order)
)
print(found.path.round(3).to_string())
print("left:", list(found.features))

figure, axis = plt.subplots(figsize=(6, 3.8), layout="constrained")
pf.plot.draw_cost_and_score(found.path, ax=axis).set_xlabel("cost of the features (planes that are computed)")
