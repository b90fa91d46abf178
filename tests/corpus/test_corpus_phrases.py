"""What people say finds what they want: phrases, and the IDs of good answers, over every model."""

import re

import pytest

from falsmith.catalog.cache import Cache
from falsmith.catalog.query import Query
from falsmith.documents import Documents

pytestmark = pytest.mark.corpus

SHOWN = 5
# A phrase, and a pattern over the ID and the category of every model that is a good answer.
PHRASES = (
    (
        "end image",
        r"first-last|start-end|transition|flf2v|o1/image-to-video"
        r"|o3/\w+/image-to-video|v3/\w+/image-to-video|wan/v2.7/image|seedance|pikaframes|hailuo-02",
    ),
    ("first last frame", r"first-last|start-end|transition|flf2v|o1/image-to-video"),
    ("1080p", r"-to-video|transition|extend-video"),
    ("sound effects from text", r"sound-effect|sfx.*text-to-audio"),
    ("remove background", r"background[-/]remov|remove-background|rembg|birefnet|ben/v2"),
    ("lip sync", r"lipsync|latentsync|musetalk"),
    (
        "talking head",
        r"avatar|flashtalk|flashhead|fabric|sadtalker"
        r"|echomimic|omnihuman|speech-to-video|infinitalk|aurora",
    ),
    (
        "remove the background of a video",
        r"video/background-remov|video-background-remov"
        r"|birefnet/v2/video|ben/v2/video",
    ),
    ("upscale a photo", r"upscale|super-res|ccsr|swin2sr|seedvr"),
    (
        "upscale a video to 4k",
        r"upscale\w*/video|video-upscaler"
        r"|increase-resolution|seedvr/upscale/video",
    ),
    ("text to speech", r"tts|text-to-speech|speech-2|kokoro|vibevoice|zonos"),
    ("clone my voice", r"clone|f5-tts|zonos|create-voice"),
    ("transcribe audio with speaker labels", r"scribe|speech-to-text|whisper|wizper|asr"),
    ("make a song with lyrics", r"music|ace-step|sonauto|lyria"),
    ("background music", r"music|sonilo|lyria|ace-step|stable-audio|beatoven"),
    ("turn a photo into a 3D model", r"image-to-3d|trellis|hunyuan3d|rodin|triposr|multi-image"),
    ("train a lora on my photos", r"train"),
    ("virtual try on", r"try-?on|vton|vto$|leffa"),
    ("change hair style", r"hair"),
    ("restore old photo", r"restoration|ddcolor|docres|enhance"),
    ("colorize black and white photo", r"ddcolor|restoration|color"),
    ("face swap", r"face-?swap|/swap"),
    ("remove watermark", r"eras|object-removal|text-removal|inpaint|remove-element"),
    ("remove an object from a photo", r"eras|object-removal|remove-element"),
    ("extend video", r"extend|extension"),
    ("slow motion frame interpolation", r"interpolation|rife|film|topaz"),
    ("add subtitles to a video", r"subtitle|auto-caption"),
    ("dub a video into another language", r"dubbing|lipsync|video-agent|translat"),
    ("logo svg vector", r"vector|svg"),
    ("depth map", r"depth|midas|zoe"),
    ("pose detection", r"pose"),
    ("segment objects in video", r"sam-3|sam2|sa2va"),
    ("OCR read text from image", r"ocr|docres|vision|vlm|query"),
    (
        "describe an image",
        r"caption|vision|llava|moondream"
        r"|vlm|florence|isaac|image-to-text|understand",
    ),
    ("cartoon from photo", r"cartoon|styliz|plush|style"),
    ("headshot", r"headshot|portrait|photomaker|pulid|instant"),
    ("relight a photo", r"relight|light"),
    ("product photography", r"product"),
    ("outpaint an image", r"outpaint|expand|zoom|reframe"),
    ("inpaint with mask", r"inpaint|fill|genfill|eras|edit"),
    (
        "reference images consistent character",
        r"reference|character|subject"
        r"|elements|uno|photomaker|pulid",
    ),
    ("motion transfer dance", r"motion|dance|dreamactor|animate|pose"),
    (
        "avatar speaking from audio",
        r"avatar|flashtalk|omnihuman|aurora"
        r"|fabric|speech-to-video|echomimic|infinitalk|audio-to-video",
    ),
    ("video from image with audio", r"image.*to-video"),
    ("cheap fast image generation", r"text-to-image"),
    ("text in image typography", r"text-to-image"),
    ("4k image", r" (text|image)-to-image|upscale"),
    ("transparent background png", r"background|gpt-image|rembg|layer|transp|alpha"),
    ("isolate vocals", r"isolat|separate|demucs"),
    ("noise removal from recording", r"deepfilter|isolat|denoise|enhance"),
    ("merge video and audio", r"merge|compose|mmaudio"),
    ("trim video", r"trim"),
    ("detect objects bounding boxes", r"detect|ground|sam"),
    ("change the camera angle", r"angle|perspective|camera|director|zoom|edit"),
    ("style transfer", r"style|styliz"),
    ("anime", r"-to-image|style|anim"),
    ("pixel art", r"pixel|-to-image|style"),
    ("texture 3d model", r"texture|3d"),
    ("rig 3d character", r"meshy|rig|3d"),
    ("sketch to 3d", r"3d"),
    ("image to video", r" image-to-video"),
    ("text to video", r"text-to-video|t2v"),
    ("multi-speaker dialogue", r"dialogue|vibevoice|dia-tts|gemini.*tts|maya|speech"),
    ("japanese voice", r"japanese|tts|speech|voice"),
    (
        "music from video",
        r"video-to-audio|mmaudio|foley"
        r"|thinksound|video-sound|sound-effects|video-to-video",
    ),
    ("animate a picture", r" image-to-video"),
    ("make a picture from a prompt", r" text-to-image"),
    ("generate images", r" text-to-image"),
    ("video generator", r"-to-video"),
    ("edit photo with instructions", r"edit|kontext| image-to-image"),
    ("cut out subject", r"background|rembg|birefnet|sam|segment"),
    ("swap clothes", r"try-?on|vton|vto|leffa|swap"),
    ("add sound to silent video", r"foley|mmaudio|thinksound|sfx.*video|video-sound|sound-effects"),
    ("reduce background noise", r"deepfilter|isolat|denoise"),
    ("podcast with two voices", r"dialogue|vibevoice|dia-tts|tts"),
    ("audiobook narration", r"tts|speech|voice|kokoro"),
    ("video understanding", r"understand|video|vision"),
    ("question about a picture", r"moondream|llava|vision|query|florence|isaac|understand|vlm"),
    ("depth controlnet", r"depth"),
    ("seamless texture", r"tiling|seamless|texture|material|patina"),
    ("person holding product", r"product"),
    ("make me look older", r"aging|age|baby"),
    ("virtual makeup", r"makeup"),
    ("interior design staging", r"staging|interior|apartment"),
    ("youtube thumbnail", r"thumbnail"),
    ("vertical video reframe", r"reframe|resize"),
    ("speech to text streaming", r"speech-to-text.*stream|asr/stream|stream"),
    ("nsfw check", r"nsfw|guard|arbiter|moderat"),
    ("image embeddings", r"embed"),
    ("large language model", r"llm|router|guard|nemotron|seed/v2"),
    ("motion capture from video", r"motion|pose|body|anim"),
    ("deblur photo", r"deblur|enhance|restor|sharpen|upscale"),
    ("dehaze", r"dehaze"),
    ("layered image", r"layer"),
    ("360 panorama world", r"world|panorama"),
    ("flux lora", r"flux.*lora|lora"),
    ("kling 3 pro", r"kling-video/v3/pro"),
    ("seedance fast", r"seedance.*fast"),
    ("nano banana", r"nano-banana|gemini"),
    ("whisper", r"whisper|wizper"),
)


@pytest.fixture(scope="module")
def cache(corpus_documents: tuple[Documents, ...]) -> Cache:
    cache = Cache(None, pytest.fail)
    cache.add(corpus_documents)
    return cache


def right(cache: Cache, phrase: str, good: str) -> list[bool]:
    """Return of each model that is shown first whether it is a good answer."""
    found = cache.search(Query(phrase))[:SHOWN]
    return [bool(re.search(good, f"{one.model_id} {one.category}")) for one in found]


@pytest.mark.parametrize(("phrase", "good"), PHRASES, ids=[phrase for phrase, _ in PHRASES])
def test_a_phrase_finds_what_a_person_wants_among_the_first(
    cache: Cache, phrase: str, good: str
) -> None:
    assert True in right(cache, phrase, good)[:3], cache.search(Query(phrase))[:SHOWN]


def test_most_of_what_is_shown_first_is_what_a_person_wants(cache: Cache) -> None:
    shown = [right(cache, phrase, good) for phrase, good in PHRASES]
    assert sum(one[0] for one in shown) >= 0.95 * len(PHRASES)
    assert sum(map(sum, shown)) >= 0.8 * sum(map(len, shown))
