"""The classifiers under test: the contract, and adapters for callables, PyTorch, ONNX Runtime and scikit-learn.

Importing this package imports none of the libraries that run models.
"""

from brinkmap.victims.function import FunctionVictim
from brinkmap.victims.load import load_victim
from brinkmap.victims.protocol import Victim
from brinkmap.victims.wrap import wrap

__all__ = ["FunctionVictim", "Victim", "load_victim", "wrap"]
