"""An evaluation on the screen: scores, simple rules, shares, curves and the worst errors as plain text in columns."""

from __future__ import annotations

from collections.abc import Sequence

from gangwei.codebook import Codebook
from gangwei.evaluate import Evaluation
from gangwei.label_scores import Score
from gangwei.labels import agree
from gangwei.terminal import words_of
from gangwei.text_width import CJK

SHOWN = 20
GROUPS = {"builder by board": "group_board"}
DIMENSIONS = {"tier": "tier", "role": "role", "subfield": "subfield", "builder by board": "board"}


def table(found: Evaluation, lang: str = "en") -> str:
    """Scores, presets, shares, curves and the worst errors; `Evaluation.json` has all errors."""
    w = words_of(lang)
    values = Codebook().toml(f"labels/{lang}.toml")["values"] if lang != "en" else {}

    def named(group: str, value: str) -> str:
        known = values.get(DIMENSIONS.get(group, ""), {})
        return "+".join(str(known.get(v, v)) for v in value.split("+"))

    def line(s: Score) -> str:
        group = w[GROUPS.get(s.group, f"group_{s.group}")]
        three = (
            _right(f"{v:.3f}", 7) + "  " + _left(f"{low:.3f}-{high:.3f}", 13)
            for v, low, high in (
                (s.precision, s.precision_low, s.precision_high), (s.recall, s.recall_low, s.recall_high), (s.f1, s.f1_low, s.f1_high),
            )
        )  # fmt: skip
        counted = _right(str(s.n), 6) + _right(str(s.positives), 6)
        return _left(group, 18) + _left(named(s.group, s.value), 18) + counted + "".join(three) + f"{s.f1_plain:>10.3f}"

    spread = "  " + _left(w["interval"], 13)
    head = _left(w["group"], 18) + _left(w["value"], 18) + _right("n", 6) + _right(w["positives"], 6)
    head += "".join(_right(name, 7) + spread for name in (w["precision"], w["recall"], "F1")) + _right(w["plain"], 11)
    top = w["labels_found"].format(n=found.n) + (w["labels_missing"].format(n=found.missing) if found.missing else "")
    top += "" if found.weighted else w["labels_unweighted"]
    top = agree(top, Codebook().toml("labels/forms.toml")[lang])
    shares = [
        _left(named("tier", str(s["tier"])), 18) + f"{s['labelled']:>10.4f}{s['said']:>10.4f}" for s in found.shares
    ]
    bins = [f"{b['predicted']:>10.3f}{b['observed']:>10.3f}{b['n']:>8.0f}" for b in found.calibration]
    cuts = [f"{c['cut']:>6.2f}{c['precision']:>8.3f}{c['recall']:>8.3f}{c['f1']:>8.3f}" for c in found.thresholds]
    worst = [
        f"{e['ad_id']} {named('tier', e['labelled'])} / {named('tier', e['said'])} {e['title'] or ''} {e['url'] or ''}"
        for e in found.errors
    ]
    parts: tuple[Sequence[str], ...] = (
        [top],
        [head, *(line(s) for s in (*found.scores, *found.presets))],
        [_left(w["share"], 18) + _right(w["labelled"], 10) + _right(w["said"], 10), *shares],
        [w["calibration"], *bins],
        [w["thresholds"], *cuts],
        [w["errors"].format(shown=min(SHOWN, len(worst)), n=len(worst)), *worst[:SHOWN]],
    )
    return "\n\n".join("\n".join(p) for p in parts)


def _room(text: str, width: int) -> str:
    """The blanks that fill `text` to `width` columns of a terminal, where a Chinese character takes two."""
    return " " * (width - sum(1 + (c >= CJK) for c in text))


def _left(text: str, width: int) -> str:
    return text + (_room(text, width) or " ")


def _right(text: str, width: int) -> str:
    return _room(text, width) + text
