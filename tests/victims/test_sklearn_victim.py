import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from victim_models import SHAPES, batch_of

from brinkmap.errors import InputError
from brinkmap.victims import wrap


def fitted(estimator, shape, labels=("ox", "ant", "bee")):
    rows = np.random.default_rng(3).random((60, int(np.prod(shape))), dtype=np.float32)
    return estimator.fit(rows, np.resize(labels, 60))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_predict_proba_is_what_a_classifier_answers(shape):
    estimator, batch = fitted(make_pipeline(StandardScaler(), LogisticRegression()), shape), batch_of(shape)
    victim = wrap(estimator)
    assert_allclose(victim.predict(batch), estimator.predict_proba(batch.reshape(5, -1)), atol=1e-6)
    assert (victim.outputs, victim.classes) == ("probabilities", 3)


@pytest.mark.parametrize("kind", [LinearSVC, RidgeClassifier])
@pytest.mark.parametrize("labels", [("ox", "ant", "bee"), (7, 3, 5)], ids=str)
def test_a_classifier_without_probabilities_answers_places_in_classes(kind, labels):
    estimator, batch = fitted(kind(), (1, 4, 4), labels), batch_of((1, 4, 4), n=40)
    victim = wrap(estimator)
    found = estimator.classes_[victim.predict(batch).argmax(axis=1)]
    assert_array_equal(found, estimator.predict(batch.reshape(40, -1)))
    assert len(np.unique(found)) == 3
    assert not victim.scores


def test_labels_can_be_asked_of_a_classifier_with_probabilities():
    estimator, batch = fitted(LogisticRegression(), (1, 4, 4)), batch_of((1, 4, 4))
    found = wrap(estimator, outputs="labels").predict(batch)
    assert_array_equal(found.argmax(axis=1), estimator.predict_proba(batch.reshape(5, -1)).argmax(axis=1))
    assert_array_equal(found.max(axis=1), 1)


@pytest.mark.parametrize(
    ("estimator", "settings", "message"),
    [
        (LogisticRegression(), {}, "expected a fitted classifier, got one without classes_. Call its fit first"),
        (make_pipeline(LogisticRegression()), {}, "expected a fitted classifier"),
        (fitted(LinearRegression(), (1, 4, 4), (1, 2)), {}, "a regressor cannot be a victim"),
        (fitted(LinearSVC(), (1, 4, 4)), {"outputs": "probabilities"}, "LinearSVC offers labels, got 'probabilities'"),
        (
            fitted(LogisticRegression(), (1, 4, 4)),
            {"outputs": "logits"},
            "offers probabilities or labels, got 'logits'",
        ),
        (
            fitted(LinearSVC(), (1, 4, 4)),
            {"shape": (1, 5, 5)},
            "fitted on 16 features, a sample of shape (1, 5, 5) has 25",
        ),
        (fitted(LinearSVC(), (1, 4, 4)), {"classes": 4}, "classes: the model itself says 3, got 4"),
    ],
    ids=str,
)
def test_a_classifier_that_cannot_serve_is_named(estimator, settings, message):
    with pytest.raises(InputError, match=re.escape(message)):
        wrap(estimator, **settings)


def test_features_are_checked_at_the_first_query_too():
    with pytest.raises(InputError, match=r"fitted on 16 features, a sample of shape \(1, 5, 5\) has 25"):
        wrap(fitted(LinearSVC(), (1, 4, 4))).predict(batch_of((1, 5, 5)))


def test_a_classifier_of_several_labels_a_sample_is_refused():
    estimator = fitted(LogisticRegression(), (1, 4, 4))
    estimator.classes_ = [estimator.classes_, estimator.classes_]
    with pytest.raises(InputError, match="expected one label a sample, got 2"):
        wrap(estimator)
