"""What a document states of the files that a field takes, held against a file of this machine."""

from pathlib import Path

from fal_runtime.schema.document import SchemaObject

__all__ = ["broken_limit"]

_MEGABYTE = 1 << 20


def broken_limit(path: Path, limits: SchemaObject) -> str | None:
    """Return what was expected of a file where it breaks one of the limits (`x-file-limits`).

    What the file's headers do not tell is left to the server. Raises OSError where it cannot be
    read.
    """
    if not limits:
        return None
    from fal_runtime.file_headers import read_headers
    from fal_runtime.file_kinds import extension_of

    size, most = path.stat().st_size, limits.get("max_bytes")
    if isinstance(most, int) and size > most:
        return f"a file of {most / _MEGABYTE:.3g} MB at most; it has {size / _MEGABYTE:.3g} MB"
    formats, extension = limits.get("formats"), extension_of(path.name)
    if isinstance(formats, list) and extension and extension not in formats:
        return f"a file of the formats {', '.join(map(str, formats))}; it is a .{extension}"
    told = read_headers(path)
    if told.width and told.height:
        # It may be meant to be turned: it breaks a limit only where it does so both ways.
        broken = _broken_by_sides(told.width, told.height, limits)
        if broken is not None and _broken_by_sides(told.height, told.width, limits) is not None:
            return broken
    return _broken("duration", told.duration, limits, 0.1, " s") if told.duration else None


def _broken_by_sides(width: int, height: int, limits: SchemaObject) -> str | None:
    return (
        _broken("width", width, limits, 1, " px")
        or _broken("height", height, limits, 1, " px")
        or _broken("pixels", width * height, limits, 1)
        or _broken("aspect_ratio", width / height, limits, 0.01)
    )


def _broken(
    name: str, value: float, limits: SchemaObject, least: float, unit: str = ""
) -> str | None:
    """Return the limit that a measure breaks by the `least` that counts, in words."""
    for bound, sign in (("min", 1), ("max", -1)):
        limit = limits.get(f"{bound}_{name}")
        if isinstance(limit, int | float) and (limit - value) * sign >= least:
            words = f"a {bound}imum {name.replace('_', ' ')} of {_figure(limit)}{unit}"
            return f"a file with {words}; it has {_figure(value)}{unit}"
    return None


def _figure(value: float) -> str:
    return f"{round(value, 2):,}".removesuffix(".0")
