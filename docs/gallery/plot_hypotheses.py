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
# A decision tree with one split is a sentence. It is learnt once for every seed; if the sentence changes with the seed,
# it is not worth much.

rules = [DecisionTreeClassifier(max_depth=1, random_state=0).fit(table, clusterer.labels_) for _, clusterer in runs]
print(
    pd.DataFrame(
        {
            "measurement": [table.columns[rule.tree_.feature[0]] for rule in rules],
            "threshold": [rule.tree_.threshold[0] for rule in rules],
            "as clustered": [
                rule.score(table, clusterer.labels_) for rule, (_, clusterer) in zip(rules, runs, strict=True)
            ],
            "ARI with seed 0": [adjusted_rand_score(rules[0].predict(table), rule.predict(table)) for rule in rules],
        },
        index=pd.Index(SEEDS, name="seed"),
    ).round(3)
)
print(export_text(rules[0], feature_names=list(table.columns), decimals=1))

# %%
# The hypothesis: *the two groups are a matter of size*, and the perimeter tells them apart. (`as clustered` is the
# share of objects that the sentence decides as the clusters do, `ARI with seed 0` compares the sentences.) Any other
# blob can be decided now, without a seed, an embedding or a cluster.

decided = pd.Series(rules[0].predict(table), table.index)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
axes[0].imshow(image, cmap="gray")
axes[0].imshow(
    np.ma.masked_equal(pf.explain.map_regions(labels, decided + 1, background=0)[0], 0), cmap="cividis", alpha=0.6
)
axes[0].set_title("what the rule decides")
axes[0].set_axis_off()
threshold = rules[0].tree_.threshold[0]
for value, color in ((0, "#00204C"), (1, "#D0B400")):
    axes[1].hist(
        table["perimeter"][decided == value], bins=threshold + np.arange(-72, 80, 8), color=color, edgecolor="white"
    )
axes[1].axvline(threshold, color="black", linestyle=":")
axes[1].set_xlabel("perimeter in pixels")
axes[1].set_ylabel("objects")

# %%
# The rule repeats the clusters of its seed without a mistake, and only one blob near the threshold changes sides with
# the seed. That there are two *kinds* of blobs it does not show: between the groups lies a gap of 6 pixels, and there are
# as large ones elsewhere. The slides come to another hypothesis, "circularity and minor axis length allow to predict
# classification", for other blobs, which they do not ship; here the minor axis is among the strongest four, too, and
# circularity is weaker. No hypothesis is *tested* by the objects that it was found with: that needs new ones.
