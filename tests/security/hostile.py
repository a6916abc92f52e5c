"""Files as an enemy would make them, and the one rule for reading them: it works, or it says no, and no more."""

from __future__ import annotations

import functools
import io
import json
import pickle
import resource
import signal
import struct
import zipfile
import zlib
from contextlib import contextmanager

import numpy as np

from brinkmap.errors import BrinkmapError

ROOM_BYTES = 3 * 2**29
"""What a loader may take beside what the process has already: 1.5 GB."""
SECONDS = 30


class Payload:
    """Pickled, it writes a file where it is unpickled."""

    def __init__(self, canary):
        self.canary = str(canary)

    def __reduce__(self):
        return open, (self.canary, "w")


def pickled(canary):
    return pickle.dumps(Payload(canary))


def refused_or_read(load, *arguments):
    """The error that said no, or None where it was read. Fails if it hangs, asks for gigabytes or raises another."""
    with _confined():
        error = _said(load, arguments)
    assert "nable to allocate" not in str(error), f"it asked for gigabytes first: {error}"
    assert not isinstance(getattr(error, "__cause__", None), MemoryError | TimeoutError), repr(error)
    return error


def _said(load, arguments):
    try:
        load(*arguments)
    except BrinkmapError as error:
        return error
    return None


@contextmanager
def _confined():
    with open("/proc/self/statm") as told:
        taken = int(told.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, _too_long)
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM_BYTES, hard))
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _too_long(*_):
    raise TimeoutError(f"still reading after {SECONDS} s")


def npy(shape, values=b"", dtype="<f4"):
    """An .npy member whose header may lie."""
    header = str({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + values


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as held:
        for name, content in members.items():
            held.writestr(name, content)
    return path


@functools.cache
def bomb():
    """Two megabytes of archive that unpack to two gigabytes of zeros: one block, compressed once and repeated."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = squeezer.compress(npy((2**21, 1, 32, 32), dtype="|u1")) + squeezer.flush(zlib.Z_FULL_FLUSH)
    block = squeezer.compress(bytes(2**24)) + squeezer.flush(zlib.Z_FULL_FLUSH)
    body = head + block * 2**7 + squeezer.flush()
    size = 2**31 + len(npy((2**21, 1, 32, 32), dtype="|u1"))
    sizes = struct.pack("<III", 0, len(body), size)  # the checksum is wrong, which is known only at the end
    local = b"PK\x03\x04" + struct.pack("<HHHHH", 20, 0, 8, 0, 33) + sizes + struct.pack("<HH", 5, 0) + b"x.npy"
    central = b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 33) + sizes
    central += struct.pack("<HHHHHII", 5, 0, 0, 0, 0, 0, 0) + b"x.npy"
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(body), 0)
    return local + body + central + end


def bombed(path):
    path.write_bytes(bomb())
    return path


def safetensors(header, values=b"", length=None):
    """A safetensors file with a header of one's own."""
    told = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(told) if length is None else length) + told + values


def tensors(card, **arrays):
    """A true safetensors file with a card in its metadata."""
    from safetensors.numpy import save

    text = card if isinstance(card, str) else json.dumps(card)
    return save({name: np.array(values, order="C") for name, values in arrays.items()}, metadata={"card": text})


def png(width, height):
    """A PNG that says it has these dimensions, and holds next to nothing."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    out = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    out.seek(0, 2)
    out.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
    out.write(chunk(b"IDAT", zlib.compress(bytes(1000))))
    out.write(chunk(b"IEND", b""))
    return out.getvalue()
