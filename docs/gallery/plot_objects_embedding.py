"""
From objects to an embedding, and back
======================================

Measure objects, look at all measurements at once in two dimensions, take some of the points, and see which objects they
are. The objects are the 44 blobs of the fifth document this project began with; what it prints stands beside what
comes out here.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.path import Path
from skimage.measure import label
from skimage.segmentation import clear_border, mark_boundaries
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pixelforest as pf
from pixelforest.demo_data import load_blobs

image, _ = load_blobs()
labels = [clear_border(label(image > 120))]
properties = [
    *("area", "area_bbox", "area_convex", "extent", "feret_diameter_max", "axis_major_length", "axis_minor_length"),
    *("solidity", "eccentricity", "aspect_ratio", "roundness", "circularity", "intensity_mean", "intensity_std"),
]
features = pf.RegionFeatures(properties).set_output(transform="pandas")
table = features.transform([(labels[0], image)])
table = table[table["area"] > 10]
labels = pf.explain.select_regions(labels, table)
print(len(table), "objects")

# %%
# The slides' table, and ours
# ---------------------------

printed = {
    "area": (401.863636, 202.852288),
    "area_bbox": (542.750000, 295.106376),
    "area_convex": (423.295455, 216.613747),
    "extent": (0.758804, 0.063276),
    "solidity": (0.953153, 0.024749),
    "feret_diameter_max": (26.382434, 8.915046),
    "eccentricity": (0.600434, 0.165688),
    "intensity_mean": (190.116971, 15.034153),
    "intensity_std": (29.556705, 5.507399),
    "aspect_ratio": (1.374342, 0.397611),
    "roundness": (0.762889, 0.156695),
    "circularity": (0.918858, 0.133288),
}
beside = table[list(printed)].agg(["mean", "std"]).T.round(6)
beside[["mean, slides", "std, slides"]] = pd.DataFrame(printed).T
print(beside)
print("differences:", np.abs(beside.to_numpy()[:, :2] - beside.to_numpy()[:, 2:]).max())

# %%
# Embeddings
# ----------
# Each is a table again, with the index of the measurements, so that nothing can get out of order. UMAP is an extra
# (``pip install "pixelforest[embed]"``); it is left out here where it is not installed.

embedders = {"PCA": PCA(2), "t-SNE": TSNE(perplexity=10, init="random", random_state=0)}
try:
    import umap
except ImportError:
    print("umap-learn is not installed")
else:
    embedders["UMAP"] = umap.UMAP(random_state=0, n_jobs=1)


def embed(embedder):
    return pd.DataFrame(make_pipeline(StandardScaler(), embedder).fit_transform(table), table.index, ["x", "y"])


points = {name: embed(embedder) for name, embedder in embedders.items()}
figure, axes = plt.subplots(1, len(points), figsize=(3.6 * len(points), 3.2), layout="constrained")
for ax, (name, embedding) in zip(axes, points.items(), strict=True):
    drawn = ax.scatter(
        embedding["x"], embedding["y"], c=table["area"], cmap="cividis", edgecolor="black", linewidth=0.4
    )
    ax.set_title(name)
    ax.set_xticks([])
    ax.set_yticks([])
figure.colorbar(drawn, ax=axes, label="area in pixels")

# %%
# The axes have no unit and no name, and all three pictures are right: big blobs lie on one side, small ones on the
# other.
#
# Clusters, and where they are in the image
# -----------------------------------------
# `map_regions` paints every region with the value of its row.

name = list(points)[-1]
embedding = points[name]
clusters = pd.Series(KMeans(2, n_init=10, random_state=0).fit_predict(embedding), table.index)
palette = np.array(["#E69F00", "#0072B2", "#009E73", "#CC79A7"])

figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
axes[0].scatter(embedding["x"], embedding["y"], c=palette[clusters])
axes[0].set_title(f"two clusters of the {name} embedding")
painted = pf.explain.map_regions(labels, clusters + 1, background=0)[0]
colors = np.concatenate([[[1, 1, 1]], [plt.matplotlib.colors.to_rgb(color) for color in palette]])
axes[1].imshow(colors[painted])
axes[1].set_title("their objects")
shown = axes[2].imshow(pf.explain.map_regions(labels, table["roundness"])[0], cmap="cividis")
axes[2].set_title("roundness of each object")
figure.colorbar(shown, ax=axes[2])
for ax in axes:
    ax.set_xticks([])
    ax.set_yticks([])

# %%
# A hand-drawn selection, and back to objects
# -------------------------------------------
# A selection by hand is a polygon around points. In a notebook, `matplotlib.widgets.LassoSelector` gives its corners;
# here they are written down, in the plane of the principal components.

embedding = points["PCA"]
corners = [(2.0, -6.0), (2.0, 1.0), (9.0, 1.0), (9.0, -6.0)]
is_inside = Path(corners).contains_points(embedding)
selected = table[is_inside]
chosen = pf.explain.select_regions(labels, selected)[0]
print(selected[["area", "aspect_ratio", "solidity"]].round(2))

# %%
# The other way round: a stroke of a brush across the image marks objects, and `regions_at` says which rows they are.

strokes = np.zeros(image.shape, bool)
strokes[128:132, 20:235] = True
marked = pf.explain.regions_at(labels, [strokes])

figure, axes = plt.subplots(1, 4, figsize=(13, 3.2), layout="constrained")
axes[0].scatter(embedding["x"], embedding["y"], c=np.where(is_inside, "#D55E00", "0.75"))
axes[0].add_patch(plt.Polygon(corners, fill=False))
axes[0].set_title("points inside a polygon")
axes[1].imshow(mark_boundaries(image, chosen, color=(1, 0.4, 0)))
axes[1].set_title("are these objects")
axes[2].imshow(mark_boundaries(image, pf.explain.select_regions(labels, marked)[0], color=(0, 0.8, 1)))
axes[2].imshow(np.ma.masked_equal(strokes, 0), cmap="cool", alpha=0.6)
axes[2].set_title("objects under a stroke")
axes[3].scatter(embedding["x"], embedding["y"], c="0.75")
axes[3].scatter(*embedding.loc[marked].to_numpy().T, c="#56B4E9", edgecolor="black")
axes[3].set_title("are these points")
for ax in axes:
    ax.set_xticks([])
    ax.set_yticks([])

# %%
# Are there clusters at all?
# --------------------------
# K-means finds as many as it is asked for. HDBSCAN may find none, and leaves out what belongs nowhere (−1). Both are
# asked about each embedding, with five seeds.

scaler = StandardScaler()
rows = {}
for title, clusterer in {
    "k-means, 2": KMeans(2, n_init=10),
    "k-means, 4": KMeans(4, n_init=10),
    "HDBSCAN": HDBSCAN(min_cluster_size=5, copy=True),
}.items():
    for name, embedder in embedders.items():
        pairs = pf.explain.cluster_stability(
            clusterer, table, embedding=make_pipeline(scaler, embedder), n_seeds=5, random_state=0
        )
        counts = sorted({*pairs.n_clusters_a, *pairs.n_clusters_b})
        rows[title, name] = (counts, pairs.adjusted_rand.min(), pairs.adjusted_rand.max())
print(pd.DataFrame(rows, index=["clusters", "lowest ARI", "highest ARI"]).T)

# %%
# Two clusters hardly change. Four do, in t-SNE and in UMAP; principal components are the same with every seed, so there
# k-means alone could disagree, and with ten starts it does not. And HDBSCAN calls every blob noise in the plane of the
# principal components, which bend nothing: these blobs come in all sizes between small and big. What it finds in
# t-SNE and UMAP changes with the seed, because these two pull neighbours together whether there is a gap between them
# or not. Stable clusters are a way to cut a continuum in two; that there are two *kinds* of blobs, they do not show.
