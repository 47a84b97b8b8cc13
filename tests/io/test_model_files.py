"""Model files give the same labels, and nothing in one is run."""

import pickle
import zipfile

import numpy as np
import pytest
import skops.io
from numpy.testing import assert_array_equal
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import pixelforest as pf
from pixelforest.batch.identity import device_fingerprint, model_digest
from pixelforest.demo import demo_model
from pixelforest.demo_data import load_blobs
from pixelforest.io.model_files import load_model, save_model

IMAGE, SCRIBBLES = load_blobs()
FEATURES = pf.ImageFeatureStack(sigmas=(1, 2), device="numpy")


def compiled() -> pf.ImageSegmenter:
    """A segmenter around a forest that scikit-learn has fitted and `compile_forest` compiled."""
    rows = FEATURES.transform(IMAGE)[SCRIBBLES > 0]
    forest = ExtraTreesClassifier(5, max_depth=4, random_state=0).fit(rows, SCRIBBLES[SCRIBBLES > 0])
    return pf.ImageSegmenter(FEATURES, pf.compile_forest(forest, device="numpy"))


MODELS = {
    "defaults": pf.ImageSegmenter,
    "forest": lambda: pf.ImageSegmenter(FEATURES, pf.OpenCLExtraTreesClassifier(4, max_depth=3, device="numpy")),
    "compiled": compiled,
    "logistic": lambda: pf.ImageSegmenter(FEATURES, LogisticRegression(max_iter=10_000)),
    "normalised": demo_model,
    "pixels": lambda: make_pipeline(FEATURES, pf.PixelClassifier()),
}


@pytest.mark.parametrize("name", MODELS)
def test_loaded_models_are_the_models_that_were_saved(name, tmp_path):
    model = MODELS[name]().fit([IMAGE], [SCRIBBLES])
    save_model(model, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops")
    assert_array_equal(loaded.predict(IMAGE), model.predict(IMAGE))
    if name != "logistic":  # which joblib hashes, and may hash differently
        assert model_digest(loaded) == model_digest(model) == model_digest(pickle.loads(pickle.dumps(model)))
    assert device_fingerprint(loaded) == device_fingerprint(model) != ""
    assert [path.name for path in tmp_path.iterdir()] == ["model.skops"]


def test_digests_tell_models_apart():
    def digest(model, scribbles=SCRIBBLES):
        return model_digest(model.fit([IMAGE], [scribbles]))

    def segmenter(sigmas=(1, 2), seed=0, **options):
        forest = pf.OpenCLRandomForestClassifier(3, max_depth=3, random_state=seed, device="numpy")
        return pf.ImageSegmenter(pf.ImageFeatureStack(sigmas=sigmas, device="numpy", **options), forest)

    fewer = np.where(np.arange(256) < 128, SCRIBBLES, 0)
    others = [
        digest(segmenter(sigmas=(1, 3))),
        digest(segmenter(seed=1)),
        digest(segmenter(), fewer),
        digest(segmenter(nan_policy="mask")),
        digest(segmenter(spacing=(1, 2))),
        digest(segmenter(), SCRIBBLES * 2),
    ]
    assert len({digest(segmenter()), *others}) == 7
    elsewhere = segmenter().fit([IMAGE], [SCRIBBLES])
    elsewhere.features_.device = elsewhere.classifier_.device = "auto"
    assert model_digest(elsewhere) == digest(segmenter())


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (print, ("gotcha",))


def test_types_that_are_not_trusted_are_named(tmp_path, capsys):
    path = tmp_path / "model.skops"
    path.write_bytes(skops.io.dumps({"model": Evil()}))
    with pytest.raises(ValueError, match=r"holds types that are not trusted: .*Evil"):
        load_model(path)
    model = pf.ImageSegmenter(classifier=Evil())
    with pytest.raises(ValueError, match=r"`model` must be made of estimators that a model file may hold, got .*Evil"):
        save_model(model, tmp_path / "other.skops")
    assert not (tmp_path / "other.skops").exists()
    assert "gotcha" not in capsys.readouterr().out


def test_what_is_no_model_is_told_in_words(tmp_path):
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match=r"`path` must end in \.skops, got '.*model\.pickle'"):
        load_model(tmp_path / "model.pickle")
    with pytest.raises(FileNotFoundError, match="`path` must be a model file, but there is no"):
        load_model(tmp_path / "model.skops")
    (tmp_path / "model.skops").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="is no model file that can be read"):
        load_model(tmp_path / "model.skops")
    with zipfile.ZipFile(tmp_path / "model.skops", "w") as archive:
        archive.writestr("schema.json", "{}")
    with pytest.raises(ValueError, match="is no model file that can be read"):
        load_model(tmp_path / "model.skops")
