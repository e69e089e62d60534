# SPDX-License-Identifier: Apache-2.0
"""Reads and writes the safetensors format for float32 tensors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy

ALIGNMENT = 8


def write_safetensors(path: Path, tensors: dict[str, numpy.ndarray]) -> None:
    """Write the tensors in the given order, one directly after the other."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, tensor in tensors.items():
        if tensor.dtype != numpy.float32:
            raise TypeError(f"{name} is {tensor.dtype}, not float32")
        end = offset + tensor.nbytes
        header[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    encoded = json.dumps(header, separators=(",", ":")).encode("utf-8")
    encoded += b" " * (-len(encoded) % ALIGNMENT)
    with path.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little"))
        file.write(encoded)
        for tensor in tensors.values():
            file.write(tensor.astype("<f4").tobytes())


def read_safetensors(path: Path) -> dict[str, numpy.ndarray]:
    """Read all tensors of a file."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise TypeError(f"{name} is {entry['dtype']}, not F32")
        begin, end = entry["data_offsets"]
        data = numpy.frombuffer(content[start + begin : start + end], dtype="<f4")
        tensors[name] = data.reshape(entry["shape"])
    return tensors
