"""What a field is for, told by its name, its description and its model; and a sample for that.

All of it are words of ours: they stand in an example where the document has none of its own.
"""

import re
from functools import lru_cache

from fal_runtime.file_kinds import extension_of
from falsmith.documents import Json

__all__ = [
    "another_text",
    "file_for",
    "is_own_file",
    "misses_medium",
    "number_for",
    "text_for",
]

# Fields that say what is wanted, and that a text may stand in.
_WANTED = r"prompt|instruct|descri|scene|shot|edit"
_ASKED = r"prompt|instruct|query|question"
_SPOKEN = "Hello! Your order is ready, and you can pick it up today until six."
_VOICE = "A calm, warm voice of a woman in her forties, unhurried"
_OTHERS_TOLD = {
    _SPOKEN: "Good evening, and welcome on board. We leave in ten minutes.",
    _VOICE: "A young man with a bright, quick voice and a slight smile",
}
_SCENE = "A lighthouse on a rocky coast at dusk, warm light in its windows"
# What a text says, by the field's name, its description, and the model: category, ID, and what it
# takes, such as +video and +voice. The first row counts of which all three patterns are found.
_TEXTS = (
    (r"negative", r"", r"", "blurry, low quality, distorted"),
    (r"trigger|token_string|instance_prompt", r"", r"", "MYSTYLE"),
    (r"caption", r"", r"^training.*(?:edit|kontext)", "Turn it into MYSTYLE"),
    (r"caption", r"", r"^training", "A photo in the style of MYSTYLE"),
    (r"target\w*lang", r"", r"", "es"),
    (r"lang", r"", r"", "en"),
    (r"colou?r(?:_hex)?$", r"#|hex", r"", "#3366ff"),
    (r"colou?r$", r"", r"", "white"),
    (r"classes|labels", r"", r"", "person, car, dog"),
    (r"remove|erase", r"", r"", "the people in the background"),
    (r"object", r"", r"remov|eras", "the people in the background"),
    (r"^object|object$|detect|^mask_prompt|^subject$", r"", r"", "person"),
    (r"^style$", r"", r"(?:image|video)", "watercolor"),
    (r"lyric", r"", r"", "[Verse]\nStreet lights hum a quiet tune\n[Chorus]\nWe are walking home"),
    (r"tags?$|genre", r"", r"", "lo-fi, mellow, soft piano, 80 bpm"),
    (r"voice_(?:desc|prompt|instr)|style_instr", r"", r"", _VOICE),
    (_WANTED, r"voice desc|describ\w+ the voice|of the voice", r"", _VOICE),
    (_WANTED, r"", r"voice-?design", _VOICE),
    (r"ref(?:erence)?_(?:text|transcript)", r"", r"", "What is said in the reference recording."),
    (r"source_(?:prompt|text|desc)", r"", r"", "A white cat on a sofa"),
    (r"target_(?:prompt|text|desc)", r"", r"", "A black cat on a sofa"),
    (r"(?:image|video)_desc", r"", r"", "A person walks through a park"),
    (r"(?:^|_)(?:texts?|script|transcript|speech|sentences?|dialogue)(?:_|$)|^input$",
     r"speech|spoken|speak|say|said|synthes|voice|dialogue|tts|narrat", r"", _SPOKEN),
    (r"^(?!.*prompt)(?:.*_)?(?:text|script|input)(?:_|$)", r"",
     r"speech|tts|dialogue|lip-?sync|voice|to-video", _SPOKEN),
    (r"prompt", r"", r"text-to-speech|tts|to-dialogue|^text-to-audio.*\+voice", _SPOKEN),
    (r"^(?:path|lora|lora_url|lora_path)$", r"", r"", "your-name/your-lora"),
    (r"^id$", r"", r"", "1"),
    (r"_id$|key$|_name$|path$|repo$|url$", r"", r"", ""),
    (_ASKED, r"", r"audio.*(?:separat|isolat)", "the piano"),
    (_ASKED, r"", r"audio.*(?:inpaint|outpaint|extend)", "Soft strings that carry on the melody"),
    (rf"{_ASKED}|^text|phrase", r"\b(?:segment|detect|locate)|\bgrounding",
     r"image|video|vision", "person"),
    (rf"{_ASKED}|^text|phrase", r"",
     r"^(?:image|video|vision).*(?:segment|/sam-|\bdetect|/point|grounding|evf-sam)", "person"),
    (_ASKED, r"", r"^vision(?!.*\+image).*\+video|video-to-text|video-understanding",
     "What happens in this video, and in which order?"),
    (_ASKED, r"", r"audio-to-text|audio-understanding|^(?:vision|unknown|llm).*\+audio",
     "What is said in this recording, and by how many people?"),
    (_ASKED, r"", r"^vision|image-to-text|visual-q|/vqa|/query",
     "What is in this picture, and what is written on it?"),
    (rf"{_ASKED}|input|text|message", r"", r"\b(?:llm|text-to-text)\b",
     "Explain in two sentences why the sky is blue."),
    (rf"{_ASKED}|text", r"\b(?:remov|eras)", r"", "the people in the background"),
    (rf"{_ASKED}|text", r"", r"\b(?:remov|eras)", "the people in the background"),
    (_WANTED, r"background|surround", r"background|product|replace",
     "A sunlit wooden table with a blurred garden behind it"),
    (_WANTED, r"", r"background|product-?shot|packshot|product-photo",
     "A sunlit wooden table with a blurred garden behind it"),
    (_WANTED, r"sketch", r"image-to-image", "Turn the sketched shapes into real objects"),
    (_WANTED, r"", r"redux|variation|/vary", "The same in evening light"),
    (_WANTED, r"", r"relight|ic-light", "Low warm sunlight from the left"),
    (r"texture|style_prompt", r"", r"", "Weathered bronze with green patina"),
    (_WANTED, r"", r"retexture|/texture|material", "Weathered bronze with green patina"),
    (_WANTED, r"", r"inpaint|/fill|genfill", "A wooden bench with a red cushion"),
    (_WANTED, r"", r"outpaint|expand|uncrop|reframe",
     "The scene goes on naturally, in the same light"),
    (_WANTED, r"", r"video.*exten[ds]|/exten[ds]\b.*video|continu",
     "The camera keeps moving forward as the scene goes on"),
    (_WANTED, r"", r"avatar|talk|omnihuman|lip-?sync|speech-to-video|audio-to-video|portrait",
     "A person talks calmly to the camera"),
    (rf"{_WANTED}|text", r"", r"sound-?effects?|sfx|foley|video-to-audio|mmaudio|thinksound",
     "Rain on a tin roof with distant thunder"),
    (rf"{_WANTED}|style|text", r"", r"music|song|to-audio|beat|instrumental",
     "A calm lo-fi track with soft piano and a slow beat"),
    (_WANTED, r"", r"first-last|flf2v|transition|keyframe|morph|start-end",
     "The first picture turns smoothly into the last one"),
    (_WANTED, r"", r"lottie", "A blue ball that bounces twice"),
    (_WANTED, r"", r"3d.*motion|to-motion", "A person walks forward and waves with one hand"),
    (rf"{_WANTED}|text", r"", r"3d", "A small wooden chest with iron fittings"),
    (_WANTED, r"", r"video-to-video|video.*edit|modify",
     "Turn the scene into a snowy winter evening and keep the motion"),
    (_WANTED, r"", r"reference-to-video|subject",
     "The subject walks along a sunny beach and looks into the camera"),
    (_WANTED, r"", r"image-to-video|i2v\b|\banimate\b",
     "Slow push-in while a light breeze moves hair, leaves and clothes"),
    (_WANTED, r"", r"to-video|t2v|video",
     "A sailboat glides across a calm bay at sunrise, slow aerial shot, golden light"),
    (_WANTED, r"", r"image-to-image|edit|kontext",
     "Change the background to a sunny beach and keep everything else as it is"),
    (r"prompt", r"", r"upscal|restor|enhanc|denois|speech-to-text|transcri", ""),
    (rf"{_WANTED}|^text$|^input$", r"", r"", _SCENE),
    (r"^name$|^title$", r"", r"", "Mira"),
    (r"text_?input|phrase|caption", r"", r"", "A person on a bicycle"),
)  # fmt: skip
_ROWS = tuple(
    (re.compile(field), re.compile(about), re.compile(model), text)
    for field, about, model, text in _TEXTS
)
_QUESTIONS = frozenset({"prompt", "query", "question", "text_prompt"})
_READS_MEDIUM = re.compile(r"(?:audio|image|video)-to-text\b")
_POINTS = re.compile(
    r"\?|\b(?:this|these|here|images?|pictures?|photos?|videos?|clips?|audio|recordings?|speech|sounds?"
    r"|said|speakers?|transcri\w+|describ\w+|caption\w*|shown?|heard?|seen?)\b"
)
# A sample that the description itself gives: (e.g. 'chair', 'lamp').
_QUOTED = re.compile(
    r"(?:\be\.g\.|\bi\.e\.|\bsuch as|\bfor example|\beither|\bone of|\blike|\()[,:]?\s*"
    r"(?:['‘]([^'‘’\n]{1,80})['’]|[\"“]([^\"“”\n]{1,80})[\"”]|`([^`\n]{1,80})`)",
    re.IGNORECASE,
)

# What a file is called, by a word of its field's name; the name of the field's kind otherwise.
_NAMES = {
    "first": "first", "start": "first", "initial": "first", "end": "last", "last": "last",
    "tail": "last", "second": "second", "third": "third", "mask": "mask", "masks": "mask",
    "garment": "garment", "clothing": "garment", "cloth": "garment", "human": "person",
    "person": "person", "face": "face", "reference": "reference", "ref": "reference",
    "references": "reference", "style": "style", "control": "control", "pose": "pose",
    "openpose": "pose", "depth": "depth", "canny": "edges", "normal": "normals",
    "front": "front", "frontal": "front", "back": "back", "left": "left", "right": "right",
    "top": "top", "bottom": "bottom", "texture": "texture", "background": "background",
    "product": "product", "sketch": "sketch", "scribble": "sketch", "driving": "motion",
    "driven": "speech", "motion": "motion", "target": "target", "source": "source",
    "character": "character", "subject": "subject", "object": "object", "body": "body",
    "identity": "person", "composition": "composition", "structure": "structure",
    "voice": "voice", "speech": "speech", "speaker": "voice", "keyframe": "frame",
    "frame": "frame", "frames": "frame", "logo": "logo", "hypothesis": "result", "map": "map",
}  # fmt: skip
_EXTENSIONS = {"image": "png", "video": "mp4", "audio": "wav", "archive": "zip", "3d": "glb"}
# Other files, by what name and description say, and what they are called.
_OTHERS = (
    (r"pdf", "document.pdf"),
    (r"srt|subtitle", "subtitles.srt"),
    (r"font", "font.ttf"),
    (r"lora|weights|checkpoint|model|embedding", "lora.safetensors"),
    (r"video", "input.mp4"),
    (r"audio", "input.wav"),
    (r"media", "input.mp4"),
    (r"image", "input.png"),
    (r"", "input.bin"),
)
_OTHER_ROWS = tuple((re.compile(words), name) for words, name in _OTHERS)
_MUSIC = re.compile(r"music|song|stem|demucs|cover|remix|melody|instrument|beat|vocal")
_SPEECH = re.compile(
    r"speech|speak|voice|talk|avatar|lip-?sync|lips|dub|transcri|whisper|diari|human|narrat|dialog"
    r"|^(?:audio|image|video|text)-to-video|(?:^|[_/-])(?:stt|asr|tts)\b"
)
_EFFECTS = re.compile(r"\bsfx|sound-?effects?")
_TRAINED_ON = re.compile(r"\b(?:video|image|photo|picture)", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+|\d+")
_OWN_FILE = re.compile(
    rf"(?:{'|'.join(sorted({*_NAMES.values(), 'input', 'song', 'sound', 'images', 'videos'}))})"
    r"(?:_\d{1,2})?\.[a-z0-9]{2,5}"
)
# Corners and sides of a box in pixels, moments in seconds, the length of a training.
_NUMBERS = (
    (re.compile(r"(?:^|_)(?:(?:x|y)_?(?:max|2|end)|right|bottom)$"), 400),
    (re.compile(r"(?:^|_)(?:x|y|left|top)(?:_?(?:min|0|1|start))?$"), 100),
    (re.compile(r"(?:^|_)(?:width|height)$"), 512),
    (re.compile(r"(?:^|_)start_(?:s|sec|seconds|time)$"), 2),
    (re.compile(r"(?:^|_)end_(?:s|sec|seconds|time)$"), 6),
    (re.compile(r"^duration(?:_seconds)?$"), 5),
    (re.compile(r"^steps$"), 1000),
)


@lru_cache(maxsize=4096)
def text_for(field: str, about: str, model: str) -> str:
    """Return a text for a field, '' where its name and description say nothing of its use.

    Args:
        field: The field's name.
        about: Its description.
        model: The model's category and ID.

    """
    name, description, whose = field.lower(), about.lower(), model.lower()
    quoted = _QUOTED.search(about)
    if quoted is not None and "://" not in quoted[0]:
        return next(text for text in quoted.groups() if text)
    return next(
        (
            text
            for fields, abouts, models, text in _ROWS
            if fields.search(name) and abouts.search(description) and models.search(whose)
        ),
        "",
    )


def misses_medium(field: str, text: Json, model: str) -> bool:
    """Return whether a question to a model that reads a medium says nothing of what stands in it.

    Some documents have the example of a sibling that takes texts alone.
    """
    asks = field in _QUESTIONS and isinstance(text, str) and bool(_READS_MEDIUM.match(model))
    return asks and not _POINTS.search(text.lower())


def another_text(text: Json) -> str:
    """Return a second text of the kind of one of ours, '' where that is none."""
    return _OTHERS_TOLD.get(text, "") if isinstance(text, str) else ""


@lru_cache(maxsize=4096)
def file_for(field: str, kind: str, about: str, model: str) -> str:
    """Return the name of a local file for a field of this `x-file` kind."""
    name, whose = field.lower(), f"{about} {model}".lower()
    if kind == "archive":
        first = _TRAINED_ON.search(about)
        return "videos.zip" if first and first[0].lower() == "video" else "images.zip"
    if kind not in _EXTENSIONS:
        subject = f"{name} {about.lower()}"
        return next(file for words, file in _OTHER_ROWS if words.search(subject))
    words = _WORD.findall(name)
    stem = next((_NAMES[word] for word in words if word in _NAMES), "")
    extension = _EXTENSIONS[kind]
    if kind == "audio" and not stem:
        stem = _sound(name, about.lower(), model.lower())
        extension = "mp3" if stem == "song" else extension
    if kind == "image" and not stem and "model" in words:
        stem = "person"
    if kind == "image" and not stem and "sketch" in whose:
        stem = "sketch"
    number = next((word for word in words if word.isdigit()), "")
    return f"{stem or 'input'}{f'_{number[:2]}' if number else ''}.{extension}"


def _sound(name: str, about: str, model: str) -> str:
    """Return what a sound is: speech, a song or any other."""
    if _EFFECTS.search(model):
        return "sound"
    if _SPEECH.search(name) or _SPEECH.search(model):
        return "speech"
    if _MUSIC.search(f"{model} {about}"):
        return "song"
    return "speech" if _SPEECH.search(about) else "sound"


@lru_cache(maxsize=4096)
def is_own_file(name: str) -> bool:
    """Return whether a file's name is one of those that `file_for` gives, numbered or not."""
    is_named = bool(_OWN_FILE.fullmatch(name)) or any(name == other for _, other in _OTHERS)
    return is_named and extension_of(name) != ""


def number_for(field: str) -> int | None:
    """Return a usual number for a place, a moment or a length, None for any other field."""
    name = field.lower()
    return next((number for words, number in _NUMBERS if words.search(name)), None)
