"""A victim of your own for `brinkmap audit --victim examples/your_own_victim.py:factory --data digits`."""

from sklearn.linear_model import LogisticRegression

from brinkmap.data import digits_train


def factory():
    """A logistic regression on digits, as scikit-learn trains it; its shape is learned from the data."""
    x, y = digits_train()
    return LogisticRegression(max_iter=2000).fit(x.reshape(len(x), -1), y)
