"""What kind of file a link, a name or a content type stands for.

A table of its own: what the standard library answers depends on the machine, and it does not know
several of the types that models take and make.
"""

import re
from functools import lru_cache
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

# extension: (kind, content type, other content types that it is sent with)
_TYPES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "png": ("image", "image/png", ()),
    "jpg": ("image", "image/jpeg", ("image/jpg", "image/pjpeg")),
    "webp": ("image", "image/webp", ()),
    "gif": ("image", "image/gif", ()),
    "svg": ("image", "image/svg+xml", ()),
    "avif": ("image", "image/avif", ()),
    "heic": ("image", "image/heic", ("image/heif",)),
    "bmp": ("image", "image/bmp", ("image/x-ms-bmp",)),
    "tiff": ("image", "image/tiff", ()),
    "exr": ("image", "image/x-exr", ("image/exr",)),
    "hdr": ("image", "image/vnd.radiance", ()),
    "psd": ("image", "image/vnd.adobe.photoshop", ()),
    "mp4": ("video", "video/mp4", ()),
    "webm": ("video", "video/webm", ()),
    "mov": ("video", "video/quicktime", ()),
    "mkv": ("video", "video/x-matroska", ("video/matroska",)),
    "avi": ("video", "video/x-msvideo", ()),
    "m4v": ("video", "video/x-m4v", ()),
    "mp3": ("audio", "audio/mpeg", ("audio/mp3",)),
    "wav": ("audio", "audio/wav", ("audio/x-wav", "audio/wave", "audio/vnd.wave")),
    "flac": ("audio", "audio/flac", ("audio/x-flac",)),
    "ogg": ("audio", "audio/ogg", ("application/ogg",)),
    "opus": ("audio", "audio/opus", ()),
    "m4a": ("audio", "audio/mp4", ("audio/x-m4a", "audio/m4a")),
    "aac": ("audio", "audio/aac", ("audio/x-aac",)),
    "aiff": ("audio", "audio/aiff", ("audio/x-aiff",)),
    "glb": ("3d", "model/gltf-binary", ()),
    "gltf": ("3d", "model/gltf+json", ()),
    "obj": ("3d", "model/obj", ()),
    "mtl": ("3d", "model/mtl", ()),
    "stl": ("3d", "model/stl", ("application/sla",)),
    "usdz": ("3d", "model/vnd.usdz+zip", ()),
    "fbx": ("3d", "application/x-fbx", ()),
    "ply": ("3d", "model/ply", ("application/ply",)),
    "splat": ("3d", "application/x-splat", ()),
    "3mf": ("3d", "model/3mf", ()),
    "blend": ("3d", "application/x-blender", ()),
    "zip": ("archive", "application/zip", ("application/x-zip-compressed",)),
    "tar": ("archive", "application/x-tar", ()),
    "gz": ("archive", "application/gzip", ("application/x-gzip",)),
    "7z": ("archive", "application/x-7z-compressed", ()),
    "txt": ("text", "text/plain", ()),
    "json": ("text", "application/json", ("text/json",)),
    "jsonl": ("text", "application/jsonl", ("application/x-ndjson",)),
    "yaml": ("text", "application/yaml", ("application/x-yaml", "text/yaml")),
    "srt": ("text", "application/x-subrip", ()),
    "vtt": ("text", "text/vtt", ()),
    "ass": ("text", "text/x-ssa", ()),
    "csv": ("text", "text/csv", ()),
    "md": ("text", "text/markdown", ()),
    "html": ("text", "text/html", ()),
    "xml": ("text", "application/xml", ("text/xml",)),
    "pdf": ("file", "application/pdf", ()),
    "safetensors": ("file", "application/x-safetensors", ()),
    "ckpt": ("file", "application/x-checkpoint", ()),
    "pt": ("file", "application/x-pytorch", ()),
    "npz": ("file", "application/x-npz", ()),
    "npy": ("file", "application/x-npy", ()),
    "ttf": ("file", "font/ttf", ()),
    "otf": ("file", "font/otf", ()),
    "bin": ("file", "application/octet-stream", ("binary/octet-stream", "application/binary")),
}
_SAME = {"jpeg": "jpg", "jfif": "jpg", "tif": "tiff", "yml": "yaml", "htm": "html", "heif": "heic"}
_SAME |= {"mpga": "mp3", "tgz": "gz"}
_BY_CONTENT_TYPE = {
    name: extension
    for extension, (_, content_type, others) in _TYPES.items()
    for name in (content_type, *others)
}
# Servers send these for anything: the name of the file then knows better.
VAGUE = ("", "application/octet-stream", "binary/octet-stream", "application/binary", "text/plain")
_USUAL = {"image": "png", "video": "mp4", "audio": "mp3", "3d": "glb", "archive": "zip"}
# What a file field takes or gives, where it is not just any file.
MEDIA_KINDS = tuple(_USUAL)


def extension_of(name: str) -> str:
    """Return the extension of a name or URL, in one spelling and without dot; '' if unknown."""
    try:
        path = urlsplit(name).path if "://" in name else name
    except ValueError:
        return ""
    suffix = PurePosixPath(unquote(path)).suffix.lower().lstrip(".")
    extension = _SAME.get(suffix, suffix)
    return extension if extension in _TYPES else ""


def content_type_of(name: str) -> str:
    """Return the content type of a file of this name."""
    return _TYPES[extension_of(name) or "bin"][1]


def extension_for(content_type: str, *names: str, kind: str = "") -> str:
    """Return the extension of a file that came with this content type and these names.

    The first name with a known extension wins where the content type is vague or says the same.
    """
    plain = content_type.partition(";")[0].strip().lower()
    named = next((extension_of(name) for name in names if extension_of(name)), "")
    by_type = _BY_CONTENT_TYPE.get(plain, "")
    if plain in VAGUE or not by_type:
        return named or _USUAL.get(kind, "") or by_type or "bin"
    same_container = named and _TYPES[named][0] == "archive" and by_type == "zip"
    return named if named and (named == by_type or same_container) else by_type


def kind_of(content_type: str, *names: str) -> str:
    """Return image, video, audio, 3d, archive, text or file; names are links, files, fields."""
    plain = content_type.partition(";")[0].strip().lower()
    extension = extension_for(plain, *names)
    if extension != "bin":
        return _TYPES[extension][0]
    family = plain.partition("/")[0]
    if family in ("image", "video", "audio", "text"):
        return family
    return word_kind(" ".join(names)) or "file"


# A thousand names serve all the fields of the catalogue.
@lru_cache(maxsize=1024)
def word_kind(name: str) -> str | None:
    """Return the kind that the words of a name say, None where they say none.

    The first kind that has a word there counts: `mask_video_url` is a video.
    """
    return next((kind for kind, words in _WORDS if words.search(name.lower())), None)


# Counted in the catalogue's field names: `training_data_url` is an archive.
_WORDS = (
    ("archive", re.compile(r"zip|archive|tarball|images?_data|training_data|dataset")),
    ("video", re.compile(r"video|movie|footage|clip")),
    ("audio", re.compile(r"audio|voice|song|music|speech|sound|vocals")),
    ("image", re.compile(r"image|img|photo|picture|thumbnail|texture|mask|frame|face|garment")),
    ("3d", re.compile(r"mesh|glb|gltf|fbx|usdz|blend|armature|(?:^|_)(?:obj|stl|ply|3d)(?:_|$)")),
)
