"""The words of a search: which of them count, and what the catalogue calls the same thing.

The one home of these rules: the platform is asked by them, and what is on this machine searched.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from fal_runtime.text import one_line

__all__ = ["SearchTerms", "Word", "apart", "relaxed", "renamed", "search_terms"]

# Words around what somebody looks for: they stand in the way of what is said as one.
FILLERS = """
a an and another any are as at be best by can could do for from give good have help how i if in
into is it its just let like me my need of on one onto or our own please should so some that the
their them then there these this to two use using want was way we what when which will with would
you your
"""
# Words that every model would have: they count only where somebody says nothing else.
COMMON = """
add ai api app convert create creates creating creation creator does fal generate generated
generates generating generation generator get make maker makes making model models produce tool
tools turn turns
"""
# The media of the catalogue's categories, and what people call them.
MEDIA = {
    "text": r"text|prompts?|words|description|script|lyrics",
    "image": r"images?|photos?|pictures?|pics?|drawings?|frames?",
    "video": r"videos?|clips?|movies?|films?|footage|animations?",
    "audio": r"audio|sounds?|music|songs?|recordings?|podcasts?|voice",
    "speech": r"speech|voice(?:over)?|narration",
    "3d": r"3d|mesh|glb",
}
REMOVE = r"(?:remov\w*|eras\w*|delet\w*)"
CHANGE = r"(?:chang\w*|replac\w*|swap\w*)"
SEPARATE = r"(?:isolat\w*|separat\w*|extract\w*)"
IMAGE = r"(?:images?|photos?|pictures?)"
# What people say, as a pattern over the words without the fillers, and what the catalogue calls
# it. A name that somebody says reaches models that the task's usual words never would.
OTHER_NAMES: tuple[tuple[str, tuple[str, ...]], ...] = (
    # Media
    (r"photos?|pictures?|photographs?", ("image",)),
    (r"clips?|movies?|footage", ("video",)),
    (r"songs?|soundtracks?|melod\w+|jingles?|background music", ("music", "text to music")),
    (rf"animat\w* {IMAGE}|bring {IMAGE} life", ("image to video",)),
    # People and voices
    (r"lip ?sync\w*|mouth|dub\w*", ("lipsync", "lip sync")),
    (r"dub\w*|translat\w+ (?:video|audio|speech)", ("dubbing",)),
    (
        r"talking (?:heads?|photos?|avatars?|persons?|portraits?)|presenters?|spokes\w+"
        rf"|(?:{IMAGE}|selfies?|portraits?|faces?) (?:talk|speak|sing)\w*"
        r"|digital (?:humans?|twins?)|virtual (?:humans?|presenters?|influencers?)",
        ("avatar", "talking", "omnihuman"),
    ),
    (r"(?:faces?|heads?) ?swap\w*|swap\w* (?:faces?|heads?)|deepfakes?", ("face swap", "faceswap")),
    (
        r"(?:virtual )?try(?:ing)? ?on|outfits?|clothes|clothing|garments?|dress(?:es)?",
        ("virtual try on", "tryon", "vton", "vto", "garment"),
    ),
    (r"hair ?(?:styles?|cuts?|colou?rs?)", ("hair", "haircut")),
    (r"older|younger|aging|babys?", ("aging", "baby")),
    (
        r"(?:business|profile|professional|linkedin) (?:photos?|portraits?)|head ?shots?",
        ("headshot", "portrait"),
    ),
    (
        r"(?:consistent|same) (?:characters?|persons?|faces?|subjects?)|characters? consisten\w+"
        r"|keep (?:faces?|characters?|identity)|reference (?:images?|photos?)",
        ("character", "reference", "subject reference"),
    ),
    (
        r"motion transfer|danc\w+|mimic|motion (?:control|capture)|copy (?:motion|movements?)",
        ("motion transfer", "motion control", "dancer", "dreamactor"),
    ),
    (r"clon\w+ (?:\w+ )?voices?|voices? clon\w+", ("voice clone", "clone voice")),
    (rf"voices? chang\w+|{CHANGE} (?:\w+ )?voices?", ("voice changer", "speech to speech")),
    (
        r"voice ?overs?|narrat\w+|read aloud|tts|text (?:speech|voice)|audio ?books?",
        ("tts", "text to speech"),
    ),
    (
        r"transcri\w+|dictation|(?:speech|audio|voice) text|meeting notes|asr",
        ("speech to text", "transcribe", "transcription", "asr"),
    ),
    (
        r"speaker labels?|diari[sz]\w*|who (?:speak|talk|say)\w*",
        ("diarize", "diarization", "speaker"),
    ),
    # Pictures
    (
        rf"{REMOVE} back ?grounds?|back ?ground {REMOVE}|back ?ground less|cut ?outs?"
        r"|cut subjects?|transparent (?:back ?grounds?|pngs?|images?)",
        ("background removal", "remove background", "rembg", "matting"),
    ),
    (
        rf"(?:{CHANGE}|new) back ?grounds?|back ?ground {CHANGE}",
        ("background replace", "replace background", "background change"),
    ),
    (
        rf"{REMOVE} (?:\w+ )?(?:objects?|persons?|people|things?|elements?|items?|watermarks?)"
        rf"|(?:object|watermark) {REMOVE}",
        ("object removal", "eraser", "remove element"),
    ),
    (
        r"upscal\w*|enlarg\w+|(?:higher|increase) resolution|super ?resolution|sharpen\w*|blurry",
        ("upscale", "upscaler", "super resolution", "increase resolution"),
    ),
    (rf"restor\w+|repair\w*|fix|(?:old|damaged) (?:{IMAGE}|videos?)", ("restoration", "restore")),
    (r"colou?ri[sz]\w*|black (?:and )?white", ("colorize", "ddcolor")),
    (r"deblur\w*", ("deblur", "sharpen")),
    (
        rf"outpaint\w*|uncrop|expand|extend (?:borders?|edges?|canvas|{IMAGE})",
        ("outpaint", "expand"),
    ),
    (r"in ?paint\w*|masked edit\w*", ("inpaint", "genfill")),
    (r"re ?light\w*", ("relight", "lightx")),
    (r"cartoon\w*|comics?", ("cartoonify", "cartoon", "stylize")),
    (r"restyl\w*|styl\w* transfer", ("style transfer", "restyle", "stylize")),
    (
        r"camera (?:angles?|movements?|moves?)"
        r"|(?:other|different) (?:angles?|perspectives?|views?)",
        ("perspective", "multiple angles", "camera control"),
    ),
    (r"product (?:photos?|photography|shots?|images?|pictures?)", ("product", "product shot")),
    (r"interior|furnitur\w+|staging|real estate", ("staging", "apartment")),
    (rf"(?:edit|alter|modif\w+) (?:\w+ )?{IMAGE}|photoshop", ("image editing", "edit")),
    (r"svg|vectors?|vectori[sz]\w*", ("vector", "vectorize", "svg")),
    (r"typograph\w*|(?:readable|legible) texts?|posters?", ("typography",)),
    (r"variations?", ("redux", "remix", "variation")),
    (r"seamless|tile[sd]?|repeating", ("tiling", "seamless")),
    (r"panorama|360|worlds?|sky ?box", ("world", "panorama")),
    # What is seen
    (r"segment\w*", ("segmentation", "segment", "sam")),
    (
        r"detect\w* (?:objects?|things?)|bounding box(?:es)?|locate|find|count\w*",
        ("object detection", "detect"),
    ),
    (r"depth (?:maps?|estimat\w*)", ("depth", "midas", "marigold")),
    (r"(?:pose|skeleton|body) (?:detect\w*|estimat\w*)|openpose", ("dwpose", "openpose", "pose")),
    (
        rf"(?:describ\w*|caption\w*|understand\w*|question\w*) (?:\w+ )?{IMAGE}|alt ?text"
        r"|image (?:caption\w*|descriptions?|text|understanding)",
        ("caption", "vision", "moondream"),
    ),
    (
        r"(?:describ\w*|summari[sz]\w*|understand\w*|question\w*) (?:\w+ )?videos?",
        ("video understanding", "vision"),
    ),
    (r"edges?|line ?art|outlines?|scribbles?", ("canny", "hed", "mlsd", "scribble")),
    (
        r"ocr|(?:read|extract|scan)\w* (?:texts?|receipts?|invoices?|documents?|signs?|labels?)"
        r"|text recognition|handwriting",
        ("ocr",),
    ),
    (r"nsfw|moderat\w+|inappropriate|(?:un)?safe", ("nsfw", "moderation", "guard")),
    (r"podcasts?|dialog\w*|conversations?", ("dialogue", "vibevoice", "multi speaker")),
    (r"chat ?bot|(?:large )?language|llm", ("llm", "chat")),
    # Films
    (
        r"first (?:and )?last frames?|(?:start|first) (?:and )?end (?:frames?|images?)"
        r"|(?:last|end|tail) (?:frames?|images?)|key ?frames?|morph\w*|transitions?",
        ("first last frame", "start end", "flf2v", "end image", "transition"),
    ),
    (
        r"(?:frame )?interpolat\w*|slow ?mo(?:tion)?|smooth\w*|higher (?:fps|frame rate)",
        ("interpolation", "rife", "film"),
    ),
    (r"continu\w+|longer|lengthen|prolong|extend\w*", ("extend", "extension")),
    (
        r"(?:sound effects?|sounds?|audio|music) (?:\w+ )?videos?|foley|silent (?:videos?|films?)",
        ("foley", "mmaudio", "video to audio"),
    ),
    (r"subtitl\w*|closed captions?", ("subtitle", "auto caption")),
    (r"compress\w*|shrink|smaller files?", ("compressor", "compress")),
    (r"merg\w+|combin\w+|join\w*|concatenat\w+|stitch\w*", ("merge", "compose")),
    # Sounds
    (r"sound effects?|sfx|noises?|ambien\w+", ("sound effects", "sfx")),
    (
        r"(?:noise|noisy) (?:remov\w*|reduc\w*|suppress\w*)|(?:remov\w*|reduc\w*) (?:\w+ )?noise"
        r"|denois\w*|clean\w* (?:audio|recordings?|speech|voice)"
        r"|(?:audio|speech|voice) clean\w*",
        ("deepfilternet3", "denoise", "audio isolation"),
    ),
    (
        rf"stems?|karaoke|acapella|(?:{SEPARATE} )?vocals?|{SEPARATE} (?:\w+ )?"
        r"(?:audio|voices?|sounds?|instruments?)",
        ("stems", "demucs", "separate", "audio isolation"),
    ),
    # Training and 3D
    (r"train\w*|fine ?tun\w*|teach\w*|(?:custom|own) styles?", ("trainer", "training")),
    (r"retexture|texture (?:\w+ )?(?:3d|mesh\w*)", ("retexture", "texture")),
    (r"remesh\w*|retopolog\w*|low ?poly", ("topology", "remesh")),
)
_FILLERS, _COMMON = frozenset(FILLERS.split()), frozenset(COMMON.split())
_BETWEEN = re.compile(r"[\W_]+")
# Shorter words are seldom two in one, and parts of fewer letters no words.
_SHORTEST_COMPOUND, _SHORTEST_PART = 6, 3
_INTO = re.compile(r"\b(\w+) (?:in|on)?to (?:an? |the )?(\w+)\b")
_OUT_OF = re.compile(r"\b(\w+) (?:made )?(?:from|of) (?:an? |the |my )?(\w+)\b")
# The stemmer of the index would take it for `animate`.
_ANIME = re.compile(r"\banime\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a search, the phrases that are as good in its place, and whether it says a task."""

    text: str
    others: tuple[str, ...]
    is_task: bool


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """What a text asks for: its words that count, and what has to become of what.

    `conversions` read `text to audio` where the text says so, `to audio` where it names a medium.
    """

    words: tuple[Word, ...]
    conversions: tuple[str, ...]


def search_terms(text: str) -> SearchTerms:
    """Return what a text asks for; words that say nothing count only where it has no others."""
    said = [word for word in _BETWEEN.split(text.lower()) if word]
    line = [word for word in said if word not in _FILLERS] or said
    others: list[dict[str, None]] = [dict.fromkeys(_parts(word)) for word in line]
    for place in range(len(line) - 1):
        joined = line[place] + line[place + 1]
        others[place][joined] = others[place + 1][joined] = None
    tasks: set[int] = set()
    for place, names in _other_names(" ".join(line)):
        others[place] |= dict.fromkeys(names)
        tasks |= set() if MEDIA.keys() >= set(names) else {place}
    words = [Word(word, tuple(others[place]), place in tasks) for place, word in enumerate(line)]
    counting = [word for word in words if word.text not in _COMMON] or words
    each = {word.text: word for word in counting}
    return SearchTerms(tuple(each.values()), tuple(dict.fromkeys(_conversions(said))))


def renamed(text: str) -> tuple[str, ...]:
    """Return what the catalogue calls the tasks that a text names."""
    line = " ".join(word.text for word in search_terms(text).words)
    named = (names[0] for _, names in _other_names(line) if not MEDIA.keys() >= set(names))
    return _others_than(text, named)


def relaxed(text: str) -> tuple[str, ...]:
    """Return what to search for in place of a text that finds nothing, the closest to it first.

    These are its words that count, other names of its task, and each of the words by itself.
    """
    words = search_terms(text).words
    alone = sorted(words, key=lambda word: (not word.is_task, -len(word.text)))
    line = " ".join(word.text for word in words)
    return _others_than(text, [line, *renamed(text), *(word.text for word in alone)])


def _others_than(text: str, texts: Iterable[str]) -> tuple[str, ...]:
    asked = one_line(text).lower()
    return tuple(dict.fromkeys(one for one in texts if one not in ("", asked)))


def apart(text: str) -> str:
    """Return a text for the index with the word that its stemmer would take for another one."""
    return _ANIME.sub("animeart", text)


def _parts(word: str) -> Iterator[str]:
    """Yield the two words that a compound may be written as: `lip sync` for `lipsync`."""
    if len(word) >= _SHORTEST_COMPOUND:
        for cut in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
            yield f"{word[:cut]} {word[cut:]}"


def _other_names(line: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the place of each word that is part of what has other names, with those."""
    for pattern, names in _patterns():
        for found in pattern.finditer(line):
            first = line.count(" ", 0, found.start())
            for place in range(first, first + found[0].count(" ") + 1):
                yield place, names


@cache
def _patterns() -> Sequence[tuple[re.Pattern[str], tuple[str, ...]]]:
    """Return the other names with their patterns, which only a search needs compiled."""
    return [(re.compile(rf"\b(?:{said})\b"), names) for said, names in OTHER_NAMES]


def _conversions(said: list[str]) -> Iterator[str]:
    line = " ".join(said)
    pairs = [found.groups() for found in _INTO.finditer(line)]
    pairs += [found.groups()[::-1] for found in _OUT_OF.finditer(line)]
    for before, after in pairs:
        for taken in _media(before):
            yield from (f"{taken} to {made}" for made in _media(after) if made != taken)
    if not pairs:
        yield from (f"to {made}" for word in said for made in _media(word))


def _media(word: str) -> list[str]:
    return [medium for medium, names in MEDIA.items() if re.fullmatch(names, word)]
