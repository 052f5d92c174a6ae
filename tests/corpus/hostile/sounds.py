"""Sounds and pictures that a model is asked to speak with."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

from hostile.entry import Entry, Make, folder, loop, pipe, sparse, written

FLOAT, PCM = 3, 1


def wav(
    samples: bytes, kind: int = PCM, channels: int = 1, rate: int = 16000, bits: int = 16, size: int | None = None
) -> bytes:
    """A WAV file, with a header that may lie."""
    block = channels * bits // 8
    header = struct.pack(
        "<HHIIHH", kind, channels, rate & 0xFFFFFFFF, (rate * block) & 0xFFFFFFFF, block & 0xFFFF, bits
    )
    length = len(samples) if size is None else size
    body = b"WAVEfmt " + struct.pack("<I", 16) + header + b"data" + struct.pack("<I", length) + samples
    return b"RIFF" + struct.pack("<I", (len(body) + length - len(samples)) & 0xFFFFFFFF) + body


def _float(value: float, count: int = 16000) -> bytes:
    return wav(np.full(count, value, "<f4").tobytes(), FLOAT, bits=32)


def _sound(name: str, data: bytes, codes: tuple[int, ...] = (2,), says: str = "") -> Entry:
    return Entry(f"sound {name}", "sound", written(data), codes, says, f"{name.replace(' ', '_')}.wav")


def _opposed(samples: bytes) -> bytes:
    """Stereo whose right channel is the left one negated."""
    left = np.frombuffer(samples, "<i2")
    return np.stack([left, -left], axis=1).astype("<i2").tobytes()


def _joined(path: Path) -> None:
    """Two MP3 files, one after the other, as speech services send long texts."""
    import av

    samples = (0.1 * np.random.default_rng(0).normal(size=(1, 16000))).astype(np.float32)
    with av.open(f"file:{path}", "w", format="mp3") as target:
        stream = target.add_stream("libmp3lame", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = 16000
        target.mux([*stream.encode(frame), *stream.encode(None)])
    path.write_bytes(2 * path.read_bytes())


def _extensible(samples: bytes) -> bytes:
    """A WAV file with the long header of 24 bits and more."""
    plain = wav(samples, kind=0xFFFE, bits=24)
    more = struct.pack("<HHIH", 22, 24, 4, PCM) + bytes.fromhex("000000001000800000aa00389b71")
    head, rest = plain[20:36], plain[36:]
    body = b"WAVEfmt " + struct.pack("<I", len(head) + len(more)) + head + more + rest
    return b"RIFF" + struct.pack("<I", len(body)) + body


NOISE = np.random.default_rng(0).integers(-3000, 3000, 16000, dtype=np.int16).tobytes()

SOUNDS = (
    _sound("of NaN", _float(float("nan")), says="finite"),
    _sound("of infinity", _float(float("inf")), says="finite"),
    _sound("of 1e30", _float(1e30), says="peak"),
    _sound("of 1 sample", wav(b"\0\1"), says="at least one frame"),
    _sound("of 0 samples", wav(b"")),
    _sound("of 0 bytes", b"", says="0 bytes"),
    _sound("that is text", b"hello " * 1000),
    _sound("that announces 4 GB", wav(NOISE, size=0xFFFFFFFF), (0,)),
    _sound("streamed with a size of 0", wav(NOISE, size=0), (0,)),
    _sound("streamed with a size of 2 GB", wav(NOISE, size=0x7FFFFFFF), (0,)),
    _sound("that ends before its header says", wav(NOISE, size=2 * len(NOISE)), says="expected a whole file"),
    _sound("whose channels cancel", wav(_opposed(NOISE), channels=2), (0,)),
    _sound("with the header of 24 bits", _extensible(NOISE[:31998]), (0,)),
    _sound("of 64-bit numbers", wav(np.full(16000, 0.1, "<f8").tobytes(), FLOAT, bits=64), (0,)),
    Entry("sound joined of two MP3 files", "sound", _joined, (0,), file="joined.mp3"),
    _sound("of 0 Hz", wav(NOISE, rate=0)),
    _sound("of 1 Hz", wav(NOISE, rate=1)),
    _sound("of 4 GHz", wav(NOISE, rate=0xFFFFFFFF)),
    _sound("of 8 channels", wav(NOISE, channels=8), (0,)),
    _sound("of 60000 channels", wav(NOISE, channels=60000)),
    _sound("of an unknown codec", wav(NOISE, kind=0x6666)),
    Entry("sound of 3 GB of zeros", "sound", sparse(3 * 10**9), file="zeros.wav"),
    Entry("sound that links to itself", "sound", loop, file="loop.wav"),
    Entry("sound that is a pipe", "sound", pipe, file="pipe.wav"),
    Entry("sound that is a folder", "sound", folder, file="folder.wav"),
)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bits: int = 8, extra: bytes = b"", rows: int | None = None) -> bytes:
    """A PNG of one colour, with a header that may lie."""
    kept = min(height, 64) if rows is None else rows
    pixels = zlib.compress((b"\0" + b"\x7f" * min(3 * width * bits // 8, 3 * 10**6)) * kept, 9)
    head = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + extra + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _exif() -> bytes:
    """A directory of tags that follows itself for ever."""
    return _chunk(b"eXIf", b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x0112, 3, 1, 6, 8))


def _tiff(path: Path) -> None:
    path.write_bytes(b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x0100, 4, 1, 64, 8))


def _animated(path: Path) -> None:
    from PIL import Image

    pictures = [Image.new("RGB", (64, 64), (k, 0, 0)) for k in range(50)]
    pictures[0].save(path, format="GIF", save_all=True, append_images=pictures[1:])


def _profiled(path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (64, 64)).save(path, format="PNG", icc_profile=b"no profile" * 50)


def _clear(path: Path) -> None:
    from PIL import Image

    Image.new("P", (64, 64), 1).save(path, format="PNG", transparency=1)


def _mirrored(path: Path) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 7
    Image.new("RGB", (64, 48), "red").save(path, format="JPEG", exif=exif)


def _picture(
    name: str, make: Make | bytes, codes: tuple[int, ...] = (2,), says: str = "", suffix: str = "png"
) -> Entry:
    maker = written(make) if isinstance(make, bytes) else make
    return Entry(f"picture {name}", "picture", maker, codes, says, f"{name.replace(' ', '_')}.{suffix}")


PICTURES = (
    _picture("of 60000 by 60000", png(60000, 60000)),
    _picture("of 4e9 by 1", png(0xFFFFFFFF, 1)),
    _picture("of 1 by 1", png(1, 1), (0,)),
    _picture("of 0 by 0", png(0, 0)),
    _picture("of 16 bits", png(64, 64, 16), (0, 2)),
    _picture("cut", png(64, 64)[:-40]),
    _picture(
        "with a bomb of text", png(64, 64, extra=_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(10**8), 9))), (0, 2)
    ),
    _picture("whose tags follow themselves", png(64, 64, extra=_exif()), (0, 2)),
    _picture("whose directory follows itself", _tiff, suffix="tif"),
    _picture("that moves", _animated, (0,), suffix="gif"),
    _picture("that is vectors", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
    _picture(
        "that is PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(canary) (w) file\n", suffix="eps"
    ),
    _picture("with a broken colour profile", _profiled, says="colour profile"),
    _picture("of 12000 by 9000", png(12000, 9000), says="sides of 1 to 8192"),
    _picture(
        "that is HEIC", struct.pack(">I4s4s", 24, b"ftyp", b"heic") + bytes(64), says="a HEIC photo", suffix="heic"
    ),
    _picture("of a transparent palette", _clear, (0,)),
    _picture("mirrored and turned", _mirrored, (0,), suffix="jpg"),
    _picture("of 0 bytes", b"", says="0 bytes"),
    _picture("of 3 GB of zeros", sparse(3 * 10**9)),
    _picture("of 3 GB behind a header", sparse(3 * 10**9, png(64, 64)[:60])),
    _picture("that links to itself", loop),
    _picture("that is a pipe", pipe),
    _picture("that is a folder", folder),
)
