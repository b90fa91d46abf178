"""The files that a model produces, of every kind, with real content; a seed gives its own bytes."""

import io
import json
import struct
import zipfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files

from fal_runtime.file_kinds import content_type_of, extension_of
from falsmith.emulator.gif import gif
from falsmith.emulator.order import Order
from falsmith.emulator.pictures import PICTURES, png
from falsmith.emulator.sounds import SOUNDS
from falsmith.emulator.videos import video
from falsmith.emulator.webm import WIDEST, webm

__all__ = ["MediaFile", "can_make", "produce"]

FOLDER = files("falsmith.emulator") / "files"
# Where the data files hold the seed, as 64 hexadecimal digits.
SEED_MARK = b"0" * 64
# The first brand of each kind of file that holds boxes.
BRANDS = {"mp4": b"isom", "m4v": b"M4V ", "mov": b"qt  "}
MATROSKA = {"webm": b"webm", "mkv": b"matroska"}
VIDEOS = (*BRANDS, *MATROSKA, "gif")


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A produced file: its bytes, and what is true of them."""

    kind: str
    extension: str
    content_type: str
    data: bytes
    facts: Mapping[str, int | float] = field(default_factory=dict)


def produce(kind: str, name: str, order: Order, seed: bytes, usual: str = "") -> MediaFile:
    """Return a file of `kind` (a value of `x-file`) for the output field called `name`.

    The format is the one that was ordered, else the `usual` one of the field; where the emulator
    cannot write that, another of the kind, and the file says so. `seed` is 32 bytes.
    """
    return MAKERS[kind](name, order, seed, usual)


def can_make(kind: str, extension: str) -> bool:
    """Return whether a file of this kind can have this format."""
    return extension in FORMATS[kind]


def _chosen(known: Iterable[str], words: Iterable[str], usual: str, default: str) -> str:
    """Return the first of the words that is a known extension, else the usual one, or our own."""
    extensions = (extension_of(f"file.{word}") for word in words)
    return next((one for one in (*extensions, usual) if one in known), default)


def _made(kind: str, extension: str, data: bytes, **facts: float) -> MediaFile:
    return MediaFile(kind, extension, content_type_of(f"file.{extension}"), data, facts)


def _image(_name: str, order: Order, seed: bytes, usual: str) -> MediaFile:
    extension = _chosen(PICTURES, order.words, usual, "png")
    data = PICTURES[extension](order.width, order.height, seed)
    return _made("image", extension, data, width=order.width, height=order.height)


def _video(_name: str, order: Order, seed: bytes, usual: str) -> MediaFile:
    extension = _chosen(VIDEOS, order.words, usual, "mp4")
    # Colours are shared by two pixels each way.
    width, height = (max(side // 2 * 2, 2) for side in (order.width, order.height))
    if extension in MATROSKA and width > WIDEST:
        extension = "mp4"
    fps, frames = order.fps, order.frames
    if extension == "gif":
        # Its frames last whole hundredths of a second, and two at least, or programs slow it down.
        delay = max(round(100 / fps), 2)
        fps = 100 / delay
        frames = replace(order, fps=fps).frames
        data = gif((width, height), delay, frames, seed)
    elif extension in MATROSKA:
        data = webm((width, height), fps, frames, seed, MATROSKA[extension])
    else:
        data = video((width, height), fps, frames, seed, BRANDS[extension])
    counted = {"num_frames": frames, "frame_count": frames, "fps": fps}
    length = round(frames / fps, 6)
    return _made("video", extension, data, width=width, height=height, duration=length, **counted)


def _audio(_name: str, order: Order, seed: bytes, usual: str) -> MediaFile:
    extension = _chosen(SOUNDS, order.words, usual, "wav")
    data, seconds, rate = SOUNDS[extension](order.seconds, order.rate, seed)
    return _made("audio", extension, data, duration=seconds, sample_rate=rate, channels=1)


def _mesh(name: str, order: Order, seed: bytes, usual: str) -> MediaFile:
    # One result often has the same mesh in several formats, each in a field that names its own.
    # A splat is one by its content: its file can have several formats.
    named = _chosen(MESHES.keys() - {"splat"}, name.split("_"), "", "")
    extension = named or _chosen(MESHES, order.words, usual, "glb")
    return _made("3d", extension, MESHES[extension](seed))


def _obj(seed: bytes) -> bytes:
    return f"# falsmith emulator {seed.hex()}\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n".encode()


def _mtl(seed: bytes) -> bytes:
    red, green, blue = (value / 255 for value in seed[:3])
    colour = f"{red:.3f} {green:.3f} {blue:.3f}"
    return f"# falsmith emulator {seed.hex()}\nnewmtl surface\nKd {colour}\n".encode()


def _stl(seed: bytes) -> bytes:
    corners = "".join(f"vertex {corner}\n" for corner in ("0 0 0", "1 0 0", "0 1 0"))
    facet = f"facet normal 0 0 1\nouter loop\n{corners}endloop\nendfacet\n"
    return f"solid {seed.hex()}\n{facet}endsolid {seed.hex()}\n".encode()


def _ply(seed: bytes) -> bytes:
    head = f"ply\nformat ascii 1.0\ncomment falsmith emulator {seed.hex()}\nelement vertex 3\n"
    head += "property float x\nproperty float y\nproperty float z\n"
    head += "element face 1\nproperty list uchar int vertex_index\nend_header\n"
    return (head + "0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n").encode()


def _usdz(seed: bytes) -> bytes:
    scene = f'#usda 1.0\n(\n    doc = "falsmith emulator {seed.hex()}"\n)\n'
    scene += 'def Mesh "triangle"\n{\n    int[] faceVertexCounts = [3]\n'
    scene += "    int[] faceVertexIndices = [0, 1, 2]\n"
    scene += "    point3f[] points = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]\n}\n"
    return _zipped({"scene.usda": scene.encode()})


def _fbx(seed: bytes) -> bytes:
    text = f"; FBX 7.3.0 project file\n; falsmith emulator {seed.hex()}\n"
    text += "FBXHeaderExtension:  {\n\tFBXHeaderVersion: 1003\n\tFBXVersion: 7300\n}\n"
    return (text + "Objects:  {\n}\nConnections:  {\n}\n").encode()


def _splat(seed: bytes) -> bytes:
    """Return one Gaussian: its place and its scale, its colour and its rotation."""
    return struct.pack("<6f", 0, 0, 0, 1, 1, 1) + seed[:4] + bytes([255, 128, 128, 128])


def _blend(seed: bytes) -> bytes:
    """Return the header of Blender's file, the block that names its scene, and its end."""
    scene = struct.pack("<ii64s", 1, 1, seed.hex().encode())
    blocks = (b"REND", scene), (b"ENDB", b"")
    return b"BLENDER-v300" + b"".join(
        struct.pack("<4siQii", name, len(body), 0, 0, 1) + body for name, body in blocks
    )


def _zipped(entries: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return target.getvalue()


def _archive(_name: str, _order: Order, seed: bytes, _usual: str) -> MediaFile:
    text = f"{seed.hex()}\n".encode()
    return _made("archive", "zip", _zipped({"output.txt": text, "output.png": png(64, 64, seed)}))


def _document(name: str, _order: Order, seed: bytes, usual: str) -> MediaFile:
    """Return the file for a field whose kind is only `file`: its name says what it holds."""
    named = next((DOCUMENT_NAMES[word] for word in DOCUMENT_NAMES if word in name), "txt")
    extension = usual if usual in DOCUMENTS else named
    made = _made("file", extension, DOCUMENTS[extension](seed))
    return replace(made, content_type=VAGUE_TYPES.get(extension, made.content_type))


def _json(seed: bytes) -> bytes:
    return json.dumps({"source": "falsmith emulator", "seed": seed.hex()}).encode()


def _text(seed: bytes) -> bytes:
    return f"Made by the falsmith emulator: {seed.hex()}\n".encode()


def _srt(seed: bytes) -> bytes:
    return b"1\n00:00:00,000 --> 00:00:01,000\n" + _text(seed)


def _vtt(seed: bytes) -> bytes:
    return b"WEBVTT\n\n00:00.000 --> 00:01.000\n" + _text(seed)


def _csv(seed: bytes) -> bytes:
    return f"source,seed\nfalsmith emulator,{seed.hex()}\n".encode()


def _npz(seed: bytes) -> bytes:
    """Return an archive with one array of NumPy, of 32 bytes: its format 1.0."""
    about = "{'descr': '|u1', 'fortran_order': False, 'shape': (32,), }".ljust(117) + "\n"
    head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(about)) + about.encode()
    return _zipped({"depths.npy": head + seed})


def _from_file(name: str, seed: bytes) -> bytes:
    return (FOLDER / name).read_bytes().replace(SEED_MARK, seed.hex().encode())


MESHES: Mapping[str, Callable[[bytes], bytes]] = {
    "glb": lambda seed: _from_file("mesh.glb", seed),
    "obj": _obj,
    "mtl": _mtl,
    "stl": _stl,
    "ply": _ply,
    "usdz": _usdz,
    "fbx": _fbx,
    "blend": _blend,
    "splat": _splat,
}
DOCUMENTS: Mapping[str, Callable[[bytes], bytes]] = {
    "json": _json,
    "safetensors": lambda seed: _from_file("weights.safetensors", seed),
    "npz": _npz,
    "srt": _srt,
    "vtt": _vtt,
    "csv": _csv,
    "txt": _text,
}
# What the words of a field's name say of its format.
DOCUMENT_NAMES = {"config": "json", "json": "json", "lora": "safetensors"}
DOCUMENT_NAMES |= {"weights": "safetensors", "embedding": "safetensors", "caption": "srt"}
# What fal's storage says of files that it does not know.
VAGUE_TYPES = {"safetensors": "application/octet-stream"}
MAKERS: Mapping[str, Callable[[str, Order, bytes, str], MediaFile]] = {
    "3d": _mesh,
    "archive": _archive,
    "audio": _audio,
    "file": _document,
    "image": _image,
    "video": _video,
}
FORMATS: Mapping[str, Collection[str]] = {
    "3d": MESHES,
    "archive": ("zip",),
    "audio": SOUNDS,
    "file": DOCUMENTS,
    "image": PICTURES,
    "video": VIDEOS,
}
