"""Files that visitors upload: each is checked by content and size before it is read, and read within limits."""

from brinkmap.ui.uploads.read import Sampled, read_upload
from brinkmap.ui.uploads.signals import Reading

__all__ = ["Reading", "Sampled", "read_upload"]
