"""Files that Pillow does not write: PNG of every colour type and depth, interlaced; odd JPEG sampling; bare EXIF."""
import io
import struct
import zlib

import numpy as np

# Left, top and steps of the seven passes of an interlaced PNG.
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def picture(random, width, height, channels=3):
    """Slopes, an edge and noise: something for every kernel and every DCT coefficient."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    planes = [np.sin(x / (3 + c) + c) * 60 + np.cos(y / (4 - c / 2)) * 50 + 128 for c in range(channels)]
    pixels = np.stack(planes, -1)
    pixels[height // 3 :, : width // 4] += 90
    pixels += random.normal(0, 12, pixels.shape)
    return pixels.clip(0, 255).astype(np.uint8)


def saved(image, format, **options):
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def patched_sampling(data, old, new):
    """The same coded blocks under other luma sampling factors; the block count must agree."""
    at = data.index(b"\xff\xc0")
    assert data[at + 11] == old
    return data[: at + 11] + bytes([new]) + data[at + 12 :]


def as_ycck(data):
    """A CMYK JPEG of Pillow whose Adobe marker says that its channels are YCCK."""
    at = data.index(b"\xff\xee") + 15
    return data[:at] + b"\x02" + data[at + 1 :]


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def packed(samples, depth):
    """One row of samples (width × channels) as PNG stores it, filter byte first."""
    flat = samples.reshape(-1)
    if depth == 16:
        return b"\0" + flat.astype(">u2").tobytes()
    if depth == 8:
        return b"\0" + flat.astype(np.uint8).tobytes()
    bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)
    return b"\0" + np.packbits(bits).tobytes()


def png(samples, depth, color_type, interlaced=False, extra=b""):
    """A PNG of samples (height × width × channels), without filters; `extra` holds chunks before the pixels."""
    height, width = samples.shape[:2]
    parts = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7] if interlaced else [samples]
    rows = b"".join(packed(row, depth) for part in parts for row in part if row.size)
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", zlib.compress(rows)) \
        + png_chunk(b"IEND", b"")


def exif(orientation, order="<"):
    """An EXIF block with nothing but an orientation, in either byte order."""
    mark = {"<": b"II", ">": b"MM"}[order]
    entry = struct.pack(order + "HHI", 0x0112, 3, 1) + struct.pack(order + "HH", orientation, 0)
    return mark + struct.pack(order + "HIH", 42, 8, 1) + entry + bytes(4)
