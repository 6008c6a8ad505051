"""Common mistakes with `fakd evaluate` and `fakd upscale`, and the right result of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """`arguments` of a command; `errors` has a pattern for each line on stderr, `creates` the new files."""

    arguments: str
    status: int
    errors: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.arguments


BICUBIC = "evaluate --model bicubic --data"


CASES = (
    # Sets with images that can't be used.
    Case(f"{BICUBIC} one-broken", 1, (r"one-broken/b\.png: damaged.*; get or save a fresh copy",)),
    Case(f"{BICUBIC} one-broken --model net.safetensors", 1, (r"one-broken/b\.png: damaged",)),
    Case(
        f"{BICUBIC} one-broken --save out",
        1,
        (r"b\.png: damaged",),
        ("out/bicubic/one-broken/a.png", "out/bicubic/one-broken/c.png"),
    ),
    Case(f"{BICUBIC} all-broken", 1, (r"all-broken/a\.png: .*found an empty file.*nor can any other",)),
    Case(
        f"{BICUBIC} all-broken --data plain",
        1,
        (r"all-broken/a\.png: .*empty file",),
    ),
    Case(f"{BICUBIC} all-broken --data empty", 1, (r"empty: no images found; expected",)),
    Case(
        f"{BICUBIC} small",
        1,
        (r"small/a\.png: an image of 16x16 .* at least 11x11 must be left, use a larger",),
    ),
    Case(f"{BICUBIC} just-enough", 0),
    Case(
        f"{BICUBIC} smaller-than-scale",
        1,
        (r"smaller-than-scale/a\.png: 3x9 is too small for scale 4; remove it",),
    ),
    Case(f"{BICUBIC} wrong-lr", 1, (r"LR_bicubic/X4/bx4\.png: expected 10x12, .* found 12x12; replace it",)),
    Case(f"{BICUBIC} hr-without-lr", 1, (r"X4: 1 of 2 LR images are missing \(bx4\.\.\.\); add them",)),
    Case(f"{BICUBIC} lr-without-hr", 1, (r"lr-without-hr: no images found .*; expected",)),
    Case(f"{BICUBIC} made-lr/HR", 0),
    # Folders that don't exist, or have odd contents.
    Case(f"{BICUBIC} empty", 1, (r"empty: no images found; expected PNG, JPEG",)),
    Case(f"{BICUBIC} nowhere", 1, (r"nowhere: no such folder; check the path",)),
    Case(
        f"{BICUBIC} plain/a.png", 1, (r"a\.png: expected a folder of images, found a file; name the folder",)
    ),
    Case(f"{BICUBIC} ~nobody-of-this-name", 1, (r"~nobody-of-this-name: no such folder",)),
    Case(f"{BICUBIC} folder-as-image", 0),
    Case(f"{BICUBIC} link-to-itself", 1, (r"link-to-itself: .*; ",)),
    Case(f"{BICUBIC} set-in-a-circle", 0),
    Case(f"{BICUBIC} 'a [b] ü 日本'", 0),
    Case(f"{BICUBIC} 'a [b] ü 日本' --save out", 0, (), ("out/bicubic/a [b] ü 日本/é [x].png",)),
    Case(
        f"{BICUBIC} same-stem --save out",
        0,
        (),
        ("out/bicubic/same-stem/a.bmp.png", "out/bicubic/same-stem/a.png.png"),
    ),
    # Models.
    Case(
        "evaluate --model nan.safetensors --data plain", 1, (r"nan\.safetensors: damaged or diverged: .*NaN",)
    ),
    Case(
        "evaluate --model huge.safetensors --data plain --save out",
        1,
        (r"huge\.safetensors: expected an image, found infinite or NaN pixels; .*take another",),
    ),
    Case(
        "evaluate --model huge.safetensors --model bicubic --data plain --save out",
        1,
        (r"huge\.safetensors: expected an image, found infinite",),
        ("out/bicubic/plain/a.png",),
    ),
    Case(
        "evaluate --model net.safetensors --data plain --scale 2",
        2,
        (r"x4 network, but x2 was asked for; choose",),
    ),
    Case("evaluate --model nowhere.safetensors --data plain", 1, (r"nowhere\.safetensors: no such file",)),
    Case("evaluate --model plain --data plain", 1, (r"plain: no student in this folder; a run has",)),
    Case(
        "evaluate --model plain/a.png --data plain", 1, (r"a\.png: not a checkpoint; its name must end in",)
    ),
    Case(f"{BICUBIC} plain --scale 5", 2, (r"scale: must be one of 2, 3, 4, 8 \(found 5\)",)),
    Case(f"{BICUBIC} plain --tile 3", 2, (r"tile must be at least 96 .*; choose a larger tile",)),
    Case(f"{BICUBIC} plain --device abacus", 2, (r"abacus.*; use",)),
    # Paths for the results.
    Case(f"{BICUBIC} plain --save text", 2, (r"text: a file; --save names the folder",)),
    Case(f"{BICUBIC} plain --save text/inside", 1, (r"text: Not a directory",)),
    Case(f"{BICUBIC} plain --csv plain", 1, (r"plain: a folder; name a file",)),
    Case(f"{BICUBIC} plain --csv text/x.csv", 1, (r"text: Not a directory",)),
    Case(f"{BICUBIC} plain --csv new/x.csv", 0, (), ("new/x.csv",)),
    Case(
        f"{BICUBIC} bicubic/plain --save .",
        2,
        (r"bicubic/plain/a\.png: an image of the set, .*; save elsewhere",),
    ),
    Case(
        f"{BICUBIC} plain --data again/plain --save out",
        2,
        (r"two sets are named plain; evaluate them separately",),
    ),
    # Enlarging.
    Case("upscale plain --model bicubic --out out", 0, (), ("out/a_x4.png",)),
    Case("upscale plain/a.png plain ./plain/a.png --model bicubic --out out", 0, (), ("out/a_x4.png",)),
    Case("upscale plain --model bicubic --scale 2 --out new/out", 0, (), ("new/out/a_x2.png",)),
    Case("upscale plain --model bicubic --scale 7 --out out", 2, (r"must be one of 2, 3, 4, 8 \(found 7\)",)),
    Case(
        "upscale plain --model net.safetensors --scale 2 --out out", 2, (r"x4 network, .*leave --scale out",)
    ),
    Case("upscale plain --model net.safetensors --scale 4 --out out", 0, (), ("out/a_x4.png",)),
    Case("upscale plain --model bicubic --tile 3 --out out", 2, (r"tile must be at least 96",)),
    Case("upscale plain --model nan.safetensors --out out", 1, (r"nan\.safetensors: damaged or diverged",)),
    Case(
        "upscale plain --model huge.safetensors --out out",
        1,
        (r"huge\.safetensors: .*found infinite or NaN",),
    ),
    Case(
        "upscale one-broken nowhere.png --model bicubic --out out",
        1,
        (r"b\.png: damaged", r"nowhere\.png: no such file; check", r"2 of 4 images were not enlarged"),
        ("out/a_x4.png", "out/c_x4.png"),
    ),
    Case("upscale all-broken/a.png --model bicubic --out out", 1, (r"a\.png: .*empty file; save it again",)),
    Case("upscale smaller-than-scale --model bicubic --out out", 0, (), ("out/a_x4.png",)),
    Case(
        "upscale same-stem --model bicubic --out out",
        2,
        (r"would both be written to out/a_x4\.png; upscale them separately",),
    ),
    Case(
        "upscale plain new/plain --model bicubic --out out",
        1,
        (r"new/plain: no such file", r"1 of 2 images were not enlarged"),
        ("out/a_x4.png",),
    ),
    Case(
        "upscale plain again/plain --model bicubic --out out", 2, (r"would both be written to out/a_x4\.png",)
    ),
    Case("upscale empty --model bicubic --out out", 1, (r"empty: no images in this folder; name",)),
    Case("upscale link-to-itself --model bicubic --out out", 1, (r"link-to-itself: .*; ",)),
    Case(
        "upscale ~nobody-of-this-name/a.png --model bicubic --out out", 1, (r"no such file; check the path",)
    ),
    Case("upscale 'a [b] ü 日本' --model bicubic --out 'ö [i]'", 0, (), ("ö [i]/é [x]_x4.png",)),
    Case(
        "upscale plain --model bicubic --out text", 2, (r"text: a file; --out names a folder, or an image",)
    ),
    Case("upscale plain --model bicubic --out text/inside", 1, (r"text: Not a directory",)),
    Case(
        "upscale enlarged --model bicubic --out enlarged",
        2,
        (r"enlarged/a_x4\.png: an input, .*choose another",),
    ),
    Case(
        "upscale enlarged --model bicubic --out linked",
        2,
        (r"enlarged/a_x4\.png: an input, .*choose another",),
    ),
    Case("upscale plain --model nowhere --out out", 2, (r"no model 'nowhere'\. Bundled: .*Or name",)),
)
