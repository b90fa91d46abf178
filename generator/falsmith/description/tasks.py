"""What models are for, in the words that people use: one row a task, special rows first."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

__all__ = ["FALLBACKS", "FIRST_WORDS", "TASKS", "Task", "find_task"]


@dataclass(frozen=True, slots=True)
class Task:
    """One row: what means it, what it says, and which inputs and outputs it can be true of.

    `words` are phrases, one of which stands in the model's ID or title: `face swap`; with a plus
    all of the words do, in any place (`edit+trainer`); `@mask_url` is a field that must be given,
    `?strength` one that may be. `takes` and `makes` are kinds of media of which one goes in or
    comes out, empty for any. `gives` is the result where the kind of file says too little; `uses`
    go on from "Use". `{subject}` is what goes in, `{made}` what comes out, `{variant}` the last
    part of the ID.
    """

    words: str
    says: str
    uses: str = ""
    takes: str = ""
    makes: str = ""
    gives: str = ""


# fmt: off
TASKS = (
    # Training: a zip goes in.
    Task("edit+trainer, kontext+trainer, edit 2509 trainer, edit 2511 trainer, edit plus trainer",
         "Train an image-editing LoRA on before-and-after pairs",
         "to teach an edit, effect or style change", takes="archive", gives="LoRA weights"),
    Task("v2v+trainer", "Train a video-to-video LoRA on pairs of clips",
         "to teach a video effect or transformation", takes="archive", gives="LoRA weights"),
    Task("portrait+trainer", "Train a LoRA of a person on portraits", "to teach a face or likeness",
         takes="archive", gives="LoRA weights"),
    Task("create style", "Create a reusable style from example pictures", takes="archive",
         gives="style ID"),
    Task("create profile", "Create a reusable profile of a person from photos",
         "to keep one identity in later pictures", takes="archive", gives="profile ID"),
    Task("custom models", "Train a custom image model on your pictures",
         "to teach a style, character or product", takes="archive", gives="model ID"),
    Task("video+trainer, ltx+trainer, t2v+trainer, i2v+trainer, hunyuan+training, wan trainer, "
         "flf2v+trainer", "Train a video LoRA on your own clips",
         "to teach a style, character, motion or effect", takes="archive", gives="LoRA weights"),
    Task("trainer, training, train", "Train an image LoRA on your own pictures",
         "to teach a style, person, character or product", takes="archive", gives="LoRA weights"),
    # People who speak.
    Task("lipsync, lip sync, latentsync, musetalk, infinitalk", "Lip-sync a video to speech",
         "for dubbing or a new voice-over", takes="video", makes="video"),
    Task("dub, dubbing, video translation, translate", "Dub a video or audio into another language",
         "to translate speech", makes="video audio"),
    Task("avatar multi, avatar+multi, multitalk", "Make a picture of two people talk to each other",
         "for conversation and podcast videos", takes="image", makes="video"),
    Task("video agent", "Make a whole presenter video from a brief", "for scripted avatar videos",
         makes="video"),
    Task("avatar, avatars, talking, flashhead, flashtalk, sadtalker, omnihuman, digital twin, "
         "fabric, aurora, echomimic, infinitalk, humo, magihuman, speech to video, talking head",
         "Make a talking avatar video", "for a talking head, presenter or spokesperson",
         makes="video"),
    Task("subtitle, subtitles, auto caption, auto subtitle", "Add subtitles to a video",
         "for burned-in captions", takes="video", makes="video"),
    Task("visual separate", "Isolate the sound of an object in a video", takes="video",
         makes="audio file"),
    Task("separate", "Separate the sound that words name from a recording",
         "to isolate an instrument, voice or noise", takes="audio"),
    # One thing for another.
    Task("animate replace", "Replace the character of a video with the one in a picture",
         "for character swap that keeps motion and scene", takes="video"),
    Task("face swap, faceswap, head swap, swap", "Swap a face, person or object into a {made}",
         takes="image video", makes="image video"),
    Task("background removal, remove background, background remove, rembg, birefnet, ben, matting, "
         "cutout", "Remove the background of a {subject}",
         "for cut-outs and transparent backgrounds", takes="image video", makes="image video",
         gives="transparent {made}"),
    Task("embed product, product shot, product holding, integrate product, product photography",
         "Place a product in a scene or in a person's hands", "for product shots and advertising",
         takes="image", makes="image"),
    Task("background replace, replace background, background change, add background",
         "Replace the background of a {subject}", "for product shots and new scenes",
         takes="image video", makes="image video"),
    # Better copies.
    Task("nova sr, lava sr",
         "Restore the clarity and high frequencies of speech (audio super-resolution)",
         "to enhance a dull or low-quality recording", takes="audio", makes="audio"),
    Task("vary", "Upscale a picture or make variations of it", takes="image", makes="image"),
    Task("creative upscaler, upscale creative, clarity upscaler",
         "Upscale a picture and invent finer detail", "for higher resolution with new texture",
         takes="image", gives="larger image"),
    Task("upscale crisp", "Upscale a picture faithfully",
         "for higher resolution without new detail", takes="image", gives="larger image"),
    Task("upscale, upscaler, upscaling, super resolution, swin2sr, ccsr, seedvr, flashvsr, topaz, "
         "increase resolution, vision enhancer, chain of zoom", "Upscale and sharpen a {subject}",
         "for higher resolution and finer detail", takes="image video", makes="image video",
         gives="larger {made}"),
    Task("ultrashape", "Refine the geometry of a 3D model", "for finer surface detail", takes="3d"),
    Task("deblur", "Remove blur from a picture", "to sharpen shaky or unfocused photos",
         takes="image"),
    Task("deepfilternet, deepfilternet3, denoise", "Remove background noise from speech",
         "to clean up a recording", takes="audio", makes="audio"),
    Task("denoise", "Remove noise and grain from a {subject}", takes="image video"),
    Task("dehaze", "Remove haze and fog from a picture", takes="image"),
    Task("ddcolor, colorize, colorization", "Colorize a black-and-white {subject}",
         takes="image video"),
    Task("docres", "Clean up a photographed document",
         "to dewarp, deshadow, deblur or binarise scans", takes="image"),
    Task("remove lighting", "Remove shadows and light effects from a picture",
         "for flat, even light", takes="image"),
    Task("lighting restoration", "Restore natural light in a badly lit picture", takes="image"),
    Task("photo restoration, old photo, lucidflux, restoration+image",
         "Restore an old or damaged photo", "to repair scratches, noise and faded colors",
         takes="image"),
    Task("portrait enhance, face enhancement", "Enhance a face or portrait",
         "to retouch skin and details", takes="image"),
    Task("color correction", "Correct the colors of a picture", takes="image"),
    Task("phota enhance, image enhance, enhance", "Enhance a {subject}", takes="image video"),
    Task("invisible watermark, watermark", "Write or read an invisible watermark in a picture",
         takes="image"),
    # Beyond the frame, and within it.
    Task("sfx+outpainting", "Extend a sound effect at its start or end (audio outpainting)",
         takes="audio", makes="audio"),
    Task("music+outpainting", "Extend a music track at its start or end (audio outpainting)",
         "for a longer intro or ending", takes="audio", makes="audio"),
    Task("outpaint, outpainting, audio outpaint",
         "Extend a recording at its start or end (audio outpainting)", "for a longer track",
         takes="audio", makes="audio"),
    Task("outpaint, outpainting, expand, zoom out, uncrop",
         "Extend a {subject} beyond its edges (outpainting)", "for a wider frame",
         takes="image video", makes="image video"),
    Task("reframe, smart resize", "Reframe a {subject} to another aspect ratio",
         "for other screen and ad formats", takes="image video", makes="image video"),
    Task("text removal", "Remove the text from a picture", takes="image"),
    Task("eraser+bbox, removal+bbox", "Erase what is inside boxes from a {subject}",
         "to remove unwanted things", takes="image video"),
    Task("erase+keypoints", "Erase what points mark from a {subject}", "to remove unwanted things",
         takes="image video"),
    Task("erase+mask, removal+mask, @mask_video_url+eraser, bria+eraser",
         "Erase what a mask covers from a {subject}", "to remove unwanted things",
         takes="image video"),
    Task("eraser, erase, erase by text, object removal, remove element, remove object",
         "Erase objects or people from a {subject}", "to remove unwanted things",
         takes="image video"),
    Task("sfx+inpainting, sfx1+inpaint, sfx+inpaint",
         "Replace a section of a sound effect (audio inpainting)", "to repair or rewrite a passage",
         takes="audio", makes="audio"),
    Task("music+inpainting", "Replace a section of a music track (audio inpainting)",
         "to repair or rewrite a passage", takes="audio", makes="audio"),
    Task("inpaint, inpainting, audio inpainting",
         "Replace a section of a recording (audio inpainting)", "to repair or rewrite a passage",
         takes="audio", makes="audio"),
    Task("inpaint, inpainting, fill, genfill, onereward, differential diffusion, @mask_url, "
         "@mask_image_url", "Repaint a masked area of a {subject} (inpainting)",
         "to replace, add or repair a part", takes="image video", makes="image video"),
    Task("relight, relighting, lightx, control light", "Relight a {subject}",
         "for other lighting and mood", takes="image video", makes="image video"),
    Task("try on, tryon, vton, vto, fashn, @garment_image_url, @clothing_image_url",
         "Put clothes on a person in a picture (virtual try-on)", "for fashion and outfits",
         takes="image", makes="image"),
    # Looks.
    Task("cartoonify", "Turn a photo into a cartoon", takes="image"),
    Task("plushify, plushie style", "Turn the subject of a picture into a plush toy",
         takes="image"),
    Task("wojak style", "Turn a portrait into a wojak meme drawing", takes="image"),
    Task("image2pixel, pixel art", "Turn a picture into pixel art", "for retro game sprites",
         takes="image"),
    Task("broccoli haircut", "Give a person in a photo a broccoli haircut", takes="image"),
    Task("hair change", "Change a person's hairstyle or hair color", takes="image"),
    Task("makeup application", "Put makeup on a face in a photo", takes="image"),
    Task("baby version, baby and aging generator", "Show a person as a baby, younger or older",
         takes="image"),
    Task("expression change", "Change the facial expression in a photo",
         "for smile, anger, surprise", takes="image"),
    Task("live portrait image", "Change the facial expression or head pose in a photo",
         "for smile, blink, gaze", takes="image", makes="image"),
    Task("headshot photo, headshot", "Turn a photo of a person into a professional headshot",
         takes="image"),
    Task("face to full portrait", "Make a full portrait from a face", takes="image"),
    Task("youtube thumbnails", "Turn a picture into a YouTube thumbnail", takes="image"),
    Task("weather effect", "Add weather such as rain or snow to a picture", takes="image"),
    Task("multiple angles", "Show the subject of a picture from other camera angles",
         takes="image"),
    Task("perspective", "Change the viewpoint of a picture", "for front, side, back or top view",
         takes="image"),
    Task("apartment staging", "Furnish a picture of an empty room (virtual staging)",
         takes="image"),
    Task("group photo", "Make a group photo of people from several pictures", takes="image"),
    Task("next scene", "Make the next scene or shot of a story from a picture", "for storyboards",
         takes="image"),
    Task("shirt design", "Put a design on a shirt in a picture", takes="image"),
    Task("scene composition", "Place the subject of a picture in a new scene", takes="image"),
    Task("realism", "Make a picture look more realistic", takes="image"),
    Task("photography effects", "Give a photo a photographic effect",
         "for film, vintage, black and white, tilt-shift", takes="image"),
    Task("texture transform", "Turn the subject of a picture into another material", takes="image"),
    Task("illusion diffusion", "Hide a pattern or picture in a generated image (optical illusion)",
         "for artistic QR codes", takes="image"),
    Task("genfocus", "Refocus a photo: change focus and depth of field", "for bokeh and blur",
         takes="image"),
    Task("ai detector, detect text", "Tell whether a text was written by AI",
         gives="verdict as JSON"),
    Task("post processing", "Apply a {variant} effect to a picture",
         "for post-processing without AI", takes="image"),
    Task("video stylize", "Turn a picture into a video in another style", takes="image",
         makes="video"),
    Task("style transfer, restyle, stylize", "Restyle a {subject}", "for another artistic look",
         takes="image video", makes="image video"),
    Task("reimagine", "Make a picture that keeps the structure of another", "for restyled versions",
         makes="image"),
    Task("redux", "Make variations of a picture", takes="image", makes="image"),
    # What is in it: masks, boxes, maps, words.
    Task("embed, embeddings", "Compute embeddings", "for semantic search and similarity",
         gives="embeddings"),
    Task("nsfw", "Check a picture for NSFW content", "for content moderation", takes="image",
         gives="probability"),
    Task("guard", "Check a text for unsafe content", "for content moderation",
         gives="safety label and categories"),
    Task("arbiter", "Score pictures with quality and similarity metrics", gives="scores"),
    Task("vad", "Detect when somebody speaks in a recording (voice activity)", takes="audio",
         gives="timestamps"),
    Task("smart turn", "Tell whether a speaker has finished their turn", takes="audio",
         gives="probability"),
    Task("ocr, got ocr, ocr with region", "Read the text in a picture (OCR)",
         "for scans, documents and screenshots", takes="image", gives="text"),
    Task("region to category", "Name the kind of thing in a region of a picture", "for labels",
         takes="image", gives="text"),
    Task("region to description", "Describe a region of a picture in words", takes="image",
         gives="text"),
    Task("sa2va", "Answer questions about a {subject} and mask what they name",
         "for chat and segmentation", takes="image video", gives="text + masks"),
    Task("3d align", "Align 3D bodies and objects in one scene", takes="3d"),
    Task("3d body, pshuman", "Make a 3D model of a person from a photo", "for body shape and pose",
         takes="image"),
    Task("3d objects", "Make 3D models of objects in a photo", "for Gaussian splats and meshes",
         takes="image"),
    Task("sam2, sam, sam 3, sam 3 1, sam3, segmentation, auto segment, region to segmentation, "
         "segment", "Segment or mask things in a {subject}", "for cut-outs, selections and masks",
         takes="image video", gives="masks"),
    Task("detect, detection, object detection, point object detection, grounding, caption to "
         "phrase grounding", "Find and locate objects in a {subject}", "for object detection",
         takes="image video", gives="boxes as JSON"),
    Task("point", "Point at things in a picture", "to locate and count objects", takes="image",
         gives="points as JSON"),
    Task("marigold, midas, zoe, depth anything", "Estimate the depth of a {subject}",
         "for depth maps", takes="image video", gives="depth map"),
    Task("dwpose, openpose", "Extract the body pose from a {subject}",
         "for pose skeletons for ControlNet", takes="image video", gives="pose {made}"),
    Task("hed, diffusion edge, teed, pidi", "Detect the edges in a picture",
         "for edge maps for ControlNet", takes="image", gives="edge map"),
    Task("mlsd", "Detect the straight lines in a picture", "for line maps for ControlNet",
         takes="image", gives="line map"),
    Task("scribble, lineart, line art", "Turn a picture into a scribble or line drawing",
         "for control maps for ControlNet", takes="image", gives="line map"),
    Task("lottie, omnilottie", "Make a Lottie vector animation",
         "for animated icons for web and apps", gives="Lottie JSON"),
    Task("visual query", "Answer questions about a picture", takes="image", gives="text"),
    Task("more detailed caption", "Describe a picture in great detail",
         "for long captions and data sets", takes="image", gives="text"),
    Task("detailed caption", "Describe a picture in some detail", "for captions of a few sentences",
         takes="image", gives="text"),
    Task("caption, moondream2", "Describe a {subject} in words (captioning)", "for alt texts",
         takes="image video", gives="text"),
    Task("audio understanding", "Answer questions about a recording",
         "to analyse speech, music and sounds", takes="audio", gives="text"),
    Task("understand, understanding, vision, query, moondream, moondream next, llava, isaac, "
         "marlin, vlm, florence", "Answer questions about a {subject} or describe it",
         "for captions and visual understanding", takes="image video", gives="text"),
    # Vector, layers, transparency.
    Task("vectorize, image2svg, star vector, image to svg",
         "Turn a picture into a vector graphic (SVG)", "for logos and icons", takes="image",
         gives="SVG"),
    Task("text to vector, vector, svg", "Make vector graphics (SVG) from text",
         "for logos, icons and illustrations", makes="image", gives="SVG"),
    Task("layerize text", "Split a design into editable text and background", takes="image"),
    Task("layered", "Split a picture into transparent layers", "for layered editing", takes="image",
         gives="layer images"),
    Task("layer diffusion", "Make images with a transparent background from text", makes="image",
         gives="transparent image"),
    Task("transpixar, wan alpha", "Make videos with a transparent background from text",
         "for overlays and effects", makes="video", gives="transparent video"),
    Task("tiling, seamless", "Make seamless tiling images", "for patterns and textures",
         makes="image"),
    Task("patina, material extract, material", "Make PBR materials and texture maps",
         "for textures for 3D and games", makes="image"),
    # Video out of pictures and video.
    Task("first last frame to video, first last frame, start end to video, flf2v, transition, "
         "pikaframes, @last_frame_url, @end_image_url", "Animate from a first to a last frame",
         "for transitions and morphs between pictures", takes="image", makes="video"),
    Task("interpolation, frame interpolation, rife, film, amt interpolation",
         "Interpolate frames between pictures or in a video",
         "for smoother motion, a higher frame rate, slow motion", takes="image video",
         makes="image video"),
    Task("frame interpolation, amt interpolation", "Interpolate frames between pictures",
         "for smooth motion", makes="video"),
    Task("motion control, motion transfer, dreamactor, animate move, steady dancer, one to all, "
         "hunyuan portrait, live portrait, controlnext, video as prompt, pose transfer",
         "Transfer the motion of a video to a character", "to animate a person by a driving video",
         takes="video", makes="video"),
    Task("pose transfer", "Put a person into another pose", takes="image", makes="image"),
    Task("retake", "Regenerate a section of a video", "to retake a shot", takes="video"),
    Task("extend, extension, extend video, video extension",
         "Extend a {subject} with a continuation", "for a longer clip", takes="video audio"),
    Task("extend", "Extend a video with a continuation", "for a longer clip", makes="video"),
    Task("effects, pikaffects, template to video", "Apply a ready-made video effect to a picture",
         "for viral effects and templates", takes="image", makes="video"),
    Task("hdr", "Convert a video to HDR", takes="video", makes="video"),
    Task("pikadditions", "Add a person or object from a picture to a video", takes="video"),
    # Sound.
    Task("foley, mmaudio, thinksound, video to audio, sound effects, sfx, video sound effects "
         "generator", "Add sound to a silent video",
         "for sound effects, foley and ambience that fit the picture", takes="video",
         makes="audio video"),
    Task("clone voice, voice clone, create voice", "Clone a voice from a recording",
         "for speech in one's own voice", takes="audio", gives="reusable voice"),
    Task("voice design", "Speak a text in a voice designed from a description", "for custom voices",
         makes="audio"),
    Task("voice changer, speech to speech", "Change the voice of a recording",
         "for another speaker, the same words", takes="audio", makes="audio"),
    Task("personaplex", "Answer speech with speech (voice assistant)", "for spoken conversation",
         takes="audio", makes="audio"),
    Task("demucs, stems", "Split a song into stems",
         "to isolate or remove vocals, drums, bass or guitar", takes="audio",
         gives="vocals, drums, bass, other"),
    Task("audio isolation", "Isolate speech from background noise", "to clean up a recording",
         makes="audio"),
    Task("speech to text, transcribe, asr, whisper, wizper, scribe", "Transcribe speech to text",
         "for subtitles, notes, meetings", takes="audio video"),
    Task("text to dialogue, dialogue", "Speak a dialogue of several voices",
         "for audio dramas and podcasts", makes="audio"),
    Task("extend audio", "Extend a sound effect", takes="audio", makes="audio"),
    Task("sfx+audio to audio, sfx+text to audio, sfx, sound effects, sound effect generation, "
         "sound effects generator, mmaudio", "Make sound effects from text",
         "for noises, ambience and foley", takes="text", makes="audio"),
    Task("zonos, f5 tts, tada, dia tts voice clone", "Speak a text in a cloned voice",
         "for voice cloning from a short recording", makes="audio"),
    Task("music, song, lyria, lyria2, lyria3, sonauto, ace step, text to music, music generator",
         "Make music from text", "for songs, instrumentals and background tracks", takes="text",
         makes="audio"),
    Task("minimax+music", "Make music in the style of a reference song",
         "for songs with one's own lyrics", takes="audio", makes="audio"),
    Task("music, audio to audio, ace step", "Remake a recording along a prompt (audio-to-audio)",
         "for variations and restyling of sound", takes="audio", makes="audio"),
    Task("vibevoice", "Speak a script of several voices", "for podcasts and long narration",
         makes="audio"),
    Task("text to speech, tts, speech, kokoro, maya, chatterbox, orpheus", "Turn text into speech",
         "for narration and voice-overs", makes="audio"),
    Task("sound, stable audio, audio, text to audio", "Make music or sound effects from text",
         "for background tracks and samples", takes="text", makes="audio"),
    # Media tools.
    Task("loudnorm", "Normalise the loudness of audio", "for even volume for broadcast or podcasts",
         takes="audio"),
    Task("merge audio video", "Put an audio track under a video", "to replace a video's sound",
         takes="video"),
    Task("merge audios", "Join audio files into one", "to concatenate clips", takes="audio"),
    Task("merge videos", "Join videos into one", "to concatenate clips", takes="video"),
    Task("ffmpeg+compose", "Compose a video from clips, images and audio on a timeline",
         "for editing and montage"),
    Task("ffmpeg+waveform", "Read the waveform of a media file", "for audio visualisation",
         gives="JSON"),
    Task("ffmpeg+metadata", "Read the metadata of a media file",
         "for duration, size, codec, frame rate", gives="JSON"),
    Task("audio compressor", "Compress the dynamics of audio", "for even volume", takes="audio"),
    Task("blend video", "Blend one video over another", "for overlays", takes="video"),
    Task("interleave video", "Interleave videos", "to alternate their frames", takes="video"),
    Task("reverse video", "Play a video backwards", takes="video"),
    Task("trim video", "Cut a part out of a video", "to shorten a clip", takes="video"),
    # 3D.
    Task("part, omnipart", "Split an object into 3D parts", takes="3d image",
         makes="3d file archive"),
    Task("smart topology, remesh", "Rebuild the mesh of a 3D model (retopology)",
         "for fewer or cleaner polygons", takes="3d"),
    Task("retexture", "Texture a 3D model anew", "for materials from a text or picture",
         takes="3d"),
    Task("hunyuan motion", "Make a 3D human animation from text", "for character motion (FBX)",
         makes="3d"),
    Task("image to world", "Turn a picture into a 3D world", takes="image"),
    Task("hunyuan world", "Turn a picture into a 360-degree panorama", takes="image",
         makes="image"),
    Task("era 3d", "Make views of an object from all sides with normal maps",
         "for multi-view images for 3D", takes="image"),
    Task("sketch to 3d", "Turn a sketch or line drawing into a 3D model", takes="image"),
    Task("multi view, multiview to 3d, multi image to 3d, trellis multi",
         "Make a 3D model from several views of an object", takes="image", makes="3d"),
    Task("triposplat", "Turn a picture into a 3D Gaussian splat", takes="image"),
    # Pictures and video by prompt.
    Task("structured prompt, structured instruction",
         "Turn a text or picture into a structured JSON prompt",
         "for precise control of a later generation", gives="structured JSON"),
    Task("add object by text", "Add an object to a picture by instruction", takes="image"),
    Task("replace object by text", "Replace an object in a picture by instruction", takes="image"),
    Task("sketch to colored image", "Turn a sketch into a colored picture", takes="image"),
    Task("calligrapher", "Change or add lettering in a picture in a given style",
         "for typography and logos", takes="image"),
    Task("vecglypher", "Draw letters as vector glyphs in the style of references", takes="image",
         gives="SVG"),
    Task("sora+characters", "Register a character from a video for later videos", takes="video",
         gives="character ID"),
    Task("video+edit, lucy edit, editto, modify, edit+bernini", "Edit a video by instruction",
         "to change things and keep the rest", takes="video", makes="video"),
    Task("elements, pikascenes, reference to video, subject reference, hunyuan custom, lynx, "
         "video+reference", "Make a video that keeps the subjects of reference images",
         "for consistent people, characters and products", takes="image", makes="video"),
    Task("reference video to video, video to video reference, reference to video",
         "Make a video guided by a reference video", "to keep its subjects, motion or camera",
         takes="video", makes="video"),
    Task("lyra zoom, zoom", "Make a camera-move video from a picture", "to zoom in or out",
         takes="image", makes="video"),
    Task("wan ati, trajectory", "Animate a picture along drawn motion paths", takes="image",
         makes="video"),
    Task("controlnet, control lora, sdxl controlnet, wan fun control, vace+depth, vace+pose, lora "
         "depth, control+canny", "Make a {made} guided by a control {control}",
         "for pose, depth or outline control", takes="image video", makes="image video"),
    Task("character, subject, instant character, photomaker, pulid, dreamo, uno, uso, ip adapter, "
         "face id, omni zero, reference to image, omnigen",
         "Make a picture that keeps the subject of reference images",
         "for consistent people, characters and products", takes="image archive", makes="image"),
    Task("remix, ?strength, ?image_prompt_strength, @image_prompt_strength",
         "Remake a picture along a prompt (image-to-image)", "for variations and restyling",
         takes="image", makes="image"),
    Task("inversion, flowedit", "Edit a picture by describing it before and after", takes="image",
         makes="image"),
    Task("edit, edits, kontext, instruct, e1, image apps, image editing, lora gallery",
         "Edit a picture by instruction", "to change things and keep the rest", takes="image",
         makes="image"),
    Task("@reference_image_url, @reference_image_urls", "Make a picture after reference images",
         "for consistent people, characters and products", takes="image", makes="image"),
    Task("multi+kontext, @image_urls", "Edit or combine pictures by instruction",
         "to change or merge things and keep the rest", takes="image", makes="image"),
    Task("image prompt", "Make a picture from images and text as prompts", takes="image",
         makes="image"),
    Task("lora gallery", "Make images in {variant} style from text", makes="image"),
    Task("multiconditioning",
         "Make a video from text, guided by images and videos at chosen frames", makes="video"),
    Task("multishot", "Make a video of several shots from text", "for story scenes", makes="video"),
)
# fmt: on

# Where no row fits: by what goes in and what comes out.
FALLBACKS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("text", "image"): ("Make images from text", ""),
    ("image", "image"): ("Edit or transform a picture", ""),
    ("text", "video"): ("Make videos from text", ""),
    ("image", "video"): ("Animate a picture into a video", ""),
    ("video", "video"): ("Transform a video", ""),
    ("audio", "video"): ("Make a video driven by audio", ""),
    ("text", "audio"): ("Make audio from text", ""),
    ("audio", "audio"): ("Transform a recording", ""),
    ("video", "audio"): ("Make audio for a video", ""),
    ("text", "3d"): ("Make 3D models from text", "for game assets and props"),
    ("image", "3d"): ("Turn a picture into a 3D model", "for game assets and props"),
    ("3d", "3d"): ("Rework a 3D model", ""),
    ("text", "text"): ("Answer or write with a language model", "for chat, reasoning and writing"),
    ("image", "text"): ("Answer questions about a picture", ""),
    ("video", "text"): ("Answer questions about a video", ""),
    ("audio", "text"): ("Answer questions about a recording", ""),
    ("text", "JSON"): ("Turn text into structured data", ""),
    ("image", "JSON"): ("Read structured data from a picture", ""),
    ("audio", "JSON"): ("Analyse a recording", ""),
    ("video", "JSON"): ("Analyse a video", ""),
}


def _index() -> tuple[Mapping[str, Sequence[int]], Mapping[str, Sequence[tuple[Set[str], int]]]]:
    """Return the rows by phrase, and by the first word of those that stand in any place."""
    phrases: dict[str, list[int]] = defaultdict(list)
    scattered: dict[str, list[tuple[Set[str], int]]] = defaultdict(list)
    for number, task in enumerate(TASKS):
        for phrase in task.words.split(", "):
            first, *others = phrase.strip().split("+")
            if others:
                scattered[first].append((frozenset(others), number))
            else:
                phrases[first].append(number)
    return phrases, scattered


PHRASES, SCATTERED = _index()
# With any other word no phrase begins.
FIRST_WORDS = frozenset(phrase.partition(" ")[0] for phrase in PHRASES)


def find_task(words: Set[str], takes: Set[str], makes: Set[str]) -> Task | None:
    """Return the first row that a model's words mean and that its inputs and outputs allow.

    Args:
        words: The phrases of its name, and `@field` and `?field` of its inputs.
        takes: The kinds of media that go in, `text` where none does.
        makes: The kinds that come out.

    """
    numbers = {number for word in words & PHRASES.keys() for number in PHRASES[word]}
    for word in words & SCATTERED.keys():
        numbers.update(number for others, number in SCATTERED[word] if others <= words)
    for number in sorted(numbers):
        task = TASKS[number]
        fits = not task.takes or not takes.isdisjoint(task.takes.split())
        if fits and (not task.makes or not makes.isdisjoint(task.makes.split())):
            return task
    return None
