"""
From clusters to a hypothesis, and to a rule that anybody can check
===================================================================

What tells one kind of object from another, if nobody knows yet? The fifth document this project began with, slides of
a lecture, goes four steps: an embedding, clusters in it, the measurements that are correlated with them, and a
classifier that decides the same at all times. Embedding and clusters begin at random, and "pinning the random seed is
no solution", say the slides. So here every step is repeated with other seeds.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from skimage.measure import label
from skimage.segmentation import clear_border
from sklearn.cluster import KMeans
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, export_text

import pixelforest as pf
from pixelforest.demo_data import load_blobs

try:
    from umap import UMAP
except ImportError:  # pip install "pixelforest[embed]"
    EMBEDDING = TSNE(perplexity=10, init="random")
else:
    EMBEDDING = UMAP(n_jobs=1)

SEEDS = range(8)

image, _ = load_blobs()
labels = [clear_border(label(image > 120))]
features = pf.RegionFeatures(
    ["area", "perimeter", "axis_minor_length", "axis_major_length", "circularity", "solidity", "aspect_ratio"]
)
table = features.set_output(transform="pandas").transform(labels)
table = table[table["area"] > 10]
labels = pf.explain.select_regions(labels, table)
table["elongation"] = 1 - table["axis_minor_length"] / table["axis_major_length"]
print(len(table), "objects,", table.shape[1], "measurements")

# %%
# Steps 1 and 2: an embedding, and two clusters in it
# ---------------------------------------------------


def embed_and_cluster(seed):
    embedding = make_pipeline(StandardScaler(), type(EMBEDDING)(**{**EMBEDDING.get_params(), "random_state": seed}))
    points = embedding.fit_transform(table)
    return points, KMeans(2, n_init=10, random_state=seed).fit(points)


runs = [embed_and_cluster(seed) for seed in SEEDS]
figure, axes = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained")
for ax, (points, clusterer), seed in zip(axes, runs, SEEDS, strict=False):
    ax.scatter(*points.T, c=np.array(["#E69F00", "#0072B2"])[clusterer.labels_])
    ax.set_title(f"seed {seed}")
    ax.set_xticks([])
    ax.set_yticks([])

# %%
# The pictures turn and bend with the seed. Whether the clusters in them are the same is a number, the adjusted Rand
# index: 1 for the same, about 0 for unrelated ones. While this project was designed, 0.909 to 1 was measured for these
# blobs.

pairs = pf.explain.cluster_stability(
    KMeans(2, n_init=10),
    table,
    embedding=make_pipeline(StandardScaler(), EMBEDDING),
    n_seeds=len(SEEDS),
    random_state=0,
)
print(pairs["adjusted_rand"].describe().round(3))

# %%
# Step 3: which measurements?
# ---------------------------
# The slides look at correlations with the distances to the centres of the clusters. The band is what the seed changes.

correlations = []
for points, clusterer in runs:
    distances = pd.DataFrame(clusterer.transform(points), table.index, ["to 0", "to 1"])
    found = pf.explain.correlation_table(pd.concat([table, distances], axis=1))
    correlations.append(found.loc[table.columns, ["to 0", "to 1"]].abs().max(axis=1))
strength = pd.concat(correlations, axis=1).agg(["min", "median", "max"], axis=1).sort_values("median")
print(strength[::-1].round(2))

figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.barh(strength.index, strength["max"] - strength["min"], left=strength["min"], color="#0072B2")
ax.plot(strength["median"], strength.index, "k|", markersize=14)
ax.set_xlim(0, 1)
ax.set_xlabel("correlation with distance to a centre, lowest to highest of the seeds")

# %%
# Beware of what is correlated with one another: these say the same.

ax = pf.plot.draw_correlations(pf.explain.correlation_table(table))

# %%
# Step 4: a rule
# --------------
# A decision tree with one split of one measurement is a sentence, and nothing in it is random. It is learnt for every
# measurement and every seed: which share of the objects does it decide as the clusters do?


def learn_rule(name, clusterer):
    return DecisionTreeClassifier(max_depth=1).fit(table[[name]], clusterer.labels_)


agreement = pd.DataFrame(
    {
        name: [learn_rule(name, clusterer).score(table[[name]], clusterer.labels_) for _, clusterer in runs]
        for name in table
    }
)
print(agreement.agg(["min", "median", "max"]).T.sort_values("median", ascending=False).round(3))

# %%
# The area alone says it all, and so does the perimeter. Area is the simpler one:

rules = [learn_rule("area", clusterer) for _, clusterer in runs]
print(export_text(rules[0], feature_names=["area"], decimals=1))
print("thresholds by seed:", [float(rule.tree_.threshold[0]) for rule in rules])
first = rules[0].predict(table[["area"]])
others = [adjusted_rand_score(first, rule.predict(table[["area"]])) for rule in rules]
print("adjusted Rand index of the rule with that of the first seed:", np.round(others, 3))

# %%
# The hypothesis: *the two groups are a matter of size*. Any other blob can be decided now, without a seed, an embedding
# or a cluster.

decided, threshold = pd.Series(first, table.index), rules[0].tree_.threshold[0]
painted = pf.explain.map_regions(labels, decided + 1, background=0)[0]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
axes[0].imshow(image, cmap="gray")
axes[0].imshow(np.ma.masked_equal(painted, 0), cmap="cividis", alpha=0.6)
axes[0].set_title("what the rule decides")
axes[0].set_axis_off()
for value, color in ((0, "#00204C"), (1, "#D0B400")):
    bins = threshold + np.arange(-400, 650, 50)
    axes[1].hist(table["area"][decided == value], bins=bins, color=color, edgecolor="white")
axes[1].axvline(threshold, color="black", linestyle=":")
axes[1].set_xlabel("area in pixels")
axes[1].set_ylabel("objects")

# %%
# The rule repeats the clusters of its seed, and changes sides for one blob at most when the seed changes. That there
# are two *kinds* of blobs it does not show: the histogram has no gap at the threshold, so the clusters cut a continuum.
# The slides come to another hypothesis, "circularity and minor_axis_length allow to predict classification", for other
# blobs, which they do not ship; here the minor axis is among the strongest four, too, and circularity is weaker. No
# hypothesis is *tested* by the objects that it was found with: that needs new ones.
