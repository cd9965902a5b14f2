"""Reads the header of a safetensors file: the position of each tensor, checked before use.

The format is eight bytes with the length of the header, the header, which is JSON, and the tensors' bytes.
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sentiscore.checkpoint.reading import (
    MIB,
    Folder,
    has,
    is_plain_name,
    open_inside,
    opened,
    parse_object,
    read_object,
)
from sentiscore.errors import CheckpointError

INDEX: Final = "model.safetensors.index.json"
WHOLE: Final = "model.safetensors"
ADAPTERS: Final = "adapter_model.safetensors"
ADAPTER_CONFIG: Final = "adapter_config.json"
"""The name of peft's settings file, which only a folder of adapters has."""

WIDTHS: Final = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}
"""The bytes per number of each type."""

_PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")
_PREFIX: Final = 8
_EMPTY: Final = b"{}"
_LONGEST_HEADER: Final = 32 * MIB
_LARGEST_INDEX: Final = 32 * MIB
_MOST_TENSORS: Final = 200_000
_MOST_AXES: Final = 8
_SHARD: Final = re.compile(r"[A-Za-z0-9_.-]+\.safetensors")
_OTHER_FORMATS: Final = {
    b"PK\x03\x04": "a zip, as torch's pickles are",
    b"\x80": "a pickle",
    b"\x89HDF": "an HDF5 file",
    b"GGUF": "a GGUF file",
    b"version https://git-lfs": "a pointer of git-lfs, not the file itself",
}


@dataclass(frozen=True)
class Entry:
    """A tensor in a file.

    Attributes:
        dtype: Its number type, as the format calls it.
        shape: Its size along each axis.
        start: Where its bytes begin in the file.
        end: Where they end.
    """

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def weight_files(folder: Folder) -> list[str]:
    """Names of the files that hold the weights of a model folder.

    Raises:
        CheckpointError: There are none, they are pickles, or their index names other files.
    """
    if has(folder, ADAPTER_CONFIG):
        return [ADAPTERS]
    if has(folder, WHOLE):
        return [WHOLE]
    if has(folder, INDEX):
        return _shards(folder)
    if pickles := sorted(name for name in opened(folder).names if name.endswith(_PICKLES)):
        raise CheckpointError(
            f"{folder} holds its weights as {pickles[0]} only, a format that can run code when it is read.",
            "Ask its maker for safetensors, or convert it where that is safe, with transformers' save_pretrained.",
        )
    raise CheckpointError(f"{folder} has no weights ({WHOLE}).", "Copy or download the whole folder again.")


def _shards(folder: Folder) -> list[str]:
    table = read_object(folder, INDEX, _LARGEST_INDEX).get("weight_map")
    if not isinstance(table, dict) or not table:
        raise CheckpointError(f"{folder / INDEX} names no files.", "Copy or download the whole folder again.")
    for name in table.values():
        if not (isinstance(name, str) and is_plain_name(name) and _SHARD.fullmatch(name)):
            raise CheckpointError(
                f"{folder / INDEX} names {str(name)[:80]!r}, which is no safetensors file of its folder.",
                "Do not use this model unless you know its maker.",
            )
    return sorted(set(table.values()))


def read_header(folder: Folder, name: str) -> dict[str, Entry]:
    """The position of each tensor in a safetensors file.

    Raises:
        CheckpointError: The file is incomplete or invalid.
    """
    with open_inside(folder, name) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            head = file.read(_PREFIX)
            beginning = head + file.read(header_length(head, size))
        except ValueError as error:
            raise broken(folder / name, error) from error
        except OSError as error:
            raise CheckpointError(f"{folder / name} cannot be read: {error}.", "Try again.") from error
    try:
        return parse_header(beginning, size)
    except ValueError as error:
        raise broken(folder / name, error) from error


def broken(path: Path, error: ValueError) -> CheckpointError:
    """The error for an invalid file of weights."""
    return CheckpointError(f"{path} cannot be loaded as a classifier: {error}.", "Copy or download the folder again.")


def header_length(head: bytes | bytearray, size: int) -> int:
    """The length of the header according to the first eight bytes of a file of this size.

    Raises:
        ValueError: It is impossible.
    """
    length = int.from_bytes(head[:_PREFIX], "little")
    if len(head) < _PREFIX or not len(_EMPTY) <= length <= min(_LONGEST_HEADER, size - _PREFIX):
        for mark, what in _OTHER_FORMATS.items():
            if head.startswith(mark[:_PREFIX]):
                raise ValueError(f"it is {what}")
        raise ValueError("it is cut off" if len(head) < _PREFIX else f"its header cannot be {length:,} bytes long")
    return length


def parse_header(data: bytes | bytearray | memoryview, size: int) -> dict[str, Entry]:
    """Parse the position of each tensor in a file.

    Args:
        data: The beginning of the file, at least up to the end of its header.
        size: Bytes of the whole file.

    Returns:
        The tensors by name; their bytes follow each other without holes or overlaps, to the end of the file.

    Raises:
        ValueError: The header violates the format, or does not match the file.
    """
    length = header_length(bytes(data[:_PREFIX]), size)
    header = parse_object(bytes(data[_PREFIX : _PREFIX + length]))
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(text, str) for text in notes.values()):
        raise ValueError("the notes in its header are not text")
    if len(header) > _MOST_TENSORS:
        raise ValueError(f"it has {len(header):,} tensors")
    begin = _PREFIX + length
    entries = {name: _entry(name, about, begin) for name, about in header.items()}
    position = begin
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].end)):
        if entry.start != position:
            raise ValueError(f"its tensor {name[:80]!r} does not begin where the one before it ends")
        position = entry.end
    if position != size:
        raise ValueError(f"it has {size:,} bytes, and its tensors end at {position:,}")
    return entries


def _entry(name: str, about: Any, begin: int) -> Entry:
    if not isinstance(about, Mapping) or set(about) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"its header does not say what {name[:80]!r} is")
    dtype, shape, offsets = about["dtype"], about["shape"], about["data_offsets"]
    if not isinstance(dtype, str) or dtype not in WIDTHS:
        raise ValueError(f"its tensor {name[:80]!r} is of a kind that is not loaded: {str(dtype)[:40]!r}")
    if not (isinstance(shape, list) and len(shape) <= _MOST_AXES and all(map(_is_size, shape))):
        raise ValueError(f"the shape of its tensor {name[:80]!r} cannot be")
    match offsets:
        case [int(start), int(end)] if _is_size(start) and _is_size(end):
            pass
        case _:
            raise ValueError(f"the place of its tensor {name[:80]!r} cannot be")
    if end - start != math.prod(shape) * WIDTHS[dtype]:
        raise ValueError(f"its tensor {name[:80]!r} does not have as many bytes as its shape needs")
    return Entry(dtype, tuple(shape), begin + start, begin + end)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**48


def count_numbers(folder: Folder) -> int:
    """The total number of weights in a model folder, read from the headers.

    Raises:
        CheckpointError: There are none, or they are invalid.
    """
    headers = [read_header(folder, name) for name in weight_files(folder)]
    return sum(math.prod(entry.shape) for header in headers for entry in header.values())
