"""Clips from video files: which frames, at what size, decoded one at a time."""

from brinkmap.data.video.clips import SAMPLING, Clips
from brinkmap.data.video.load import clips_in, holds_clips, load_clips

__all__ = ["SAMPLING", "Clips", "clips_in", "holds_clips", "load_clips"]
