"""Read the opset of an ONNX file without the package onnx, which may be missing under an old Python.

The format is protobuf: https://protobuf.dev/programming-guides/encoding, onnx.proto.
"""

from collections.abc import Iterator

_OPSET_IMPORT, _DOMAIN, _VERSION = 8, 1, 2
_VARINT, _FIXED64, _PART, _FIXED32 = 0, 1, 2, 5


def opset_of(content: bytes) -> "int | None":
    """The version of ONNX's own operators (opset) that the file uses; None if it states none or is no ONNX file."""
    try:
        for number, part in _fields(content, 0, len(content)):
            if number == _OPSET_IMPORT and isinstance(part, slice):
                named = dict(_fields(content, part.start, part.stop))
                domain, version = named.get(_DOMAIN), named.get(_VERSION)
                name = content[domain] if isinstance(domain, slice) else b""
                if name in (b"", b"ai.onnx") and isinstance(version, int):
                    return version
    except (IndexError, ValueError):
        return None
    return None


def _fields(content: bytes, place: int, end: int) -> "Iterator[tuple[int, int | slice]]":
    """Yield the number of each field in a message, and its value or where its bytes lie; numbers of fixed width are
    skipped.

    Raises ValueError or IndexError for what is no message.
    """
    while place < end:
        tag, place = _varint(content, place)
        kind = tag & 7
        if kind == _VARINT:
            value, place = _varint(content, place)
            yield tag >> 3, value
        elif kind == _PART:
            length, place = _varint(content, place)
            yield tag >> 3, slice(place, place + length)
            place += length
        elif kind in (_FIXED64, _FIXED32):
            place += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"no field of protobuf is of kind {kind}")


def _varint(content: bytes, place: int) -> "tuple[int, int]":
    """Return the integer at `place`, and where it ends. A byte has seven bits, the lowest first; all bytes but the
    last have the highest bit set.
    """
    value = shift = 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, place
