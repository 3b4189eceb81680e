"""Under which key the output of a stage is kept: a hash of what it was made from, its code, its definitions and parameters."""

from __future__ import annotations

from gangwei.codebook import Codebook
from gangwei.store import code_digest, digest

# Each stage with those whose output it rests on, near or far.
UPSTREAM: dict[str, tuple[str, ...]] = {
    "s1_read": (),
    "s2_clean": ("s1_read",),
    "s3_locate": ("s1_read", "s2_clean"),
    "s4_employers": ("s1_read", "s2_clean"),
    "s5_match": ("s1_read", "s2_clean", "s3_locate", "s4_employers"),
    "s6_classify": ("s1_read", "s2_clean"),
    "s7_publish": ("s1_read", "s2_clean", "s3_locate", "s4_employers", "s5_match", "s6_classify"),
}
STAGES = tuple(UPSTREAM)
DEFINITIONS: dict[str, tuple[str, ...]] = {
    "s1_read": ("sources/", "packed.toml", "places/units.csv", "places/aliases.csv", "places/board_codes.csv"),
    "s2_clean": (
        "./",
        "text/",
        "places/grammar.toml",
        "places/nonplaces.csv",
        "places/units.csv",
        "places/aliases.csv",
    ),
    "s3_locate": ("places/",),
    "s4_employers": ("employers/", "lists/", "places/"),
    "s5_match": ("openings/", "places/"),
    "s6_classify": ("ai/", "skills.csv"),
    "s7_publish": ("",),  # all: decisions carry their version, and the dataset those that are not packaged
}
_SHARED = ("schema.py", "stage_tables.py", "store.py", "codebook.py", "steps.py")
_FOLDERS: dict[str, tuple[str, ...]] = {
    "s1_read": ("formats", "mapping", "kernels"),
    "s2_clean": ("kernels", "kernels/clean", "kernels/job", "kernels/places"),
    "s3_locate": ("kernels", "kernels/places"),
    "s4_employers": ("kernels", "kernels/employers"),
    "s5_match": ("kernels", "kernels/clean", "kernels/match"),
    "s6_classify": ("kernels", "kernels/clean", "kernels/ai"),
    "s7_publish": ("kernels", "kernels/clean", "kernels/match", "kernels/job"),
}
CODE: dict[str, tuple[str, ...]] = {  # as patterns of files
    s: (*(f"{folder}/*.py" for folder in _FOLDERS[s]), f"stages/{s}.py", *_SHARED) for s in STAGES
}
CODE["s4_employers"] += ("stages/s4_names.py",)
CODE["s5_match"] += ("stages/s5_sensitivity.py",)
CODE["s6_classify"] += ("opinions.py", "kernels/job/occupation.py", "kernels/job/skills.py")
CODE["s7_publish"] += ("chunks.py", "stages/s5_sensitivity.py", "stages/s7_*.py")


class Keys:
    """Keys of one build; `told` holds of each stage what its first key was made of, for those who ask why it runs again."""

    def __init__(self, book: Codebook) -> None:
        self.book = book
        self.told: dict[str, dict[str, str]] = {}

    def parts(self, stage: str, upstream: object, **parameters: object) -> dict[str, str]:
        """What a key is made of."""
        return {
            "input": digest(upstream),
            "code": code_digest(*CODE[stage]),
            "definitions": self.book.digest(*DEFINITIONS[stage]),
            "parameters": digest(parameters),
        }

    def untold(self, stage: str, upstream: object) -> str:
        """The same key, not told of: while files are read their parts come in any order."""
        return digest(stage, self.parts(stage, upstream))

    def of(self, stage: str, upstream: object, **parameters: object) -> str:
        """The key of what `stage` makes of `upstream`."""
        parts = self.parts(stage, upstream, **parameters)
        self.told.setdefault(stage, parts)
        return digest(stage, parts)
