"""Writes the tensors whose names begin with a prefix, as they are, into a file of their own.

    python part_of_safetensors.py FILE PREFIX OUT

It needs nothing but Python.
"""

import json
import struct
import sys


def main(source, prefix, target):
    with open(source, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        start, place, kept = 8 + length, 0, {}
        names = [name for name in header if name.startswith(prefix)]
        for name in names:
            begin, end = header[name]["data_offsets"]
            kept[name] = header[name] | {"data_offsets": [place, place + end - begin]}
            place += end - begin
        text = json.dumps({"__metadata__": {"format": "pt"}} | kept).encode()
        text += b" " * (-len(text) % 8)
        with open(target, "wb") as out:
            out.write(struct.pack("<Q", len(text)) + text)
            for name in names:
                begin, end = header[name]["data_offsets"]
                file.seek(start + begin)
                out.write(file.read(end - begin))


main(*sys.argv[1:])
