"""The filters, one file a family: each says how a sample would look were it distorted everywhere."""

from brinkmap.distortions.arsenal import NATURAL, arsenal
from brinkmap.distortions.lift import distortion
from brinkmap.distortions.protocol import Distortion, Family, Medium

__all__ = ["NATURAL", "Distortion", "Family", "Medium", "arsenal", "distortion"]
