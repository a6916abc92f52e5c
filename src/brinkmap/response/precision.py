"""Whether half precision is worth having on this machine."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

__all__ = ["bfloat16_pays"]

INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "arm_bf16")


@cache
def bfloat16_pays() -> bool:
    """Whether this processor multiplies bfloat16 by itself.

    oneDNN takes bfloat16 on processors that can only imitate it too, where a minibatch takes 2.3 times as long as in
    float32 (Xeon of 2.5 GHz with AVX-512 but without its bfloat16 instructions).
    """
    able: Any = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and any(able.get(name, False) for name in INSTRUCTIONS)
