"""The files that a model produces, of every kind, with real content; a seed gives its own bytes."""

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from fal_runtime.file_kinds import content_type_of, extension_of
from falsmith.emulator.order import Order
from falsmith.emulator.pictures import PICTURES, png
from falsmith.emulator.sounds import SOUNDS
from falsmith.emulator.videos import video

__all__ = ["MediaFile", "produce"]

FOLDER = files("falsmith.emulator") / "files"
# Where the data files hold the seed, as 64 hexadecimal digits.
SEED_MARK = b"0" * 64
# The first brand of each kind of file that holds boxes.
VIDEOS = {"mp4": b"isom", "m4v": b"M4V ", "mov": b"qt  "}


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
    return _document(name, seed) if kind == "file" else MAKERS[kind](name, order, seed, usual)


def _chosen(known: Iterable[str], words: Iterable[str], usual: str, default: str) -> str:
    """Return the first of the words that is a known extension, else the usual one, or our own."""
    told = (extension_of(f"file.{word}") for word in words)
    return next((one for one in (*told, usual) if one in known), default)


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
    frames = order.frames
    data = video((width, height), order.fps, frames, seed, VIDEOS[extension])
    counted = {"num_frames": frames, "frame_count": frames, "fps": order.fps}
    length = round(frames / order.fps, 6)
    return _made("video", extension, data, width=width, height=height, duration=length, **counted)


def _audio(_name: str, order: Order, seed: bytes, usual: str) -> MediaFile:
    extension = _chosen(SOUNDS, order.words, usual, "wav")
    data, seconds, rate = SOUNDS[extension](order.seconds, seed)
    return _made("audio", extension, data, duration=seconds, sample_rate=rate, channels=1)


def _mesh(name: str, order: Order, seed: bytes, usual: str) -> MediaFile:
    # One result often has the same mesh in several formats, each in a field that names its own.
    named = _chosen(MESHES, name.split("_"), "", "")
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


def _zipped(entries: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return target.getvalue()


def _archive(_name: str, _order: Order, seed: bytes, _usual: str) -> MediaFile:
    text = f"{seed.hex()}\n".encode()
    return _made("archive", "zip", _zipped({"output.txt": text, "output.png": png(64, 64, seed)}))


def _document(name: str, seed: bytes) -> MediaFile:
    """Return the file for a field whose kind is only `file`: its name says what it holds."""
    if "config" in name or "json" in name:
        data = json.dumps({"source": "falsmith emulator", "seed": seed.hex()}).encode()
        return MediaFile("file", "json", "application/json", data)
    if "lora" in name or "weights" in name or "safetensors" in name:
        data = _from_file("weights.safetensors", seed)
        return MediaFile("file", "safetensors", "application/octet-stream", data)
    text = f"Made by the falsmith emulator for the field {name}: {seed.hex()}\n"
    return MediaFile("file", "txt", "text/plain", text.encode())


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
}
MAKERS: Mapping[str, Callable[[str, Order, bytes, str], MediaFile]] = {
    "3d": _mesh,
    "archive": _archive,
    "audio": _audio,
    "image": _image,
    "video": _video,
}
