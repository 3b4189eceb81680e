"""Employer names: from a name as a board writes it to the keys that names are compared by.

Two keys carry everything downstream, and both are stable for one version of the definitions:

`name_key`
    The registered or advertised name without what does not tell employers apart: script (simplified), width, case,
    spaces and punctuation, bracketed parts, the place in front, the legal form, the branch behind. Trade words stay:
    `深圳市腾讯计算机系统有限公司` -> `腾讯计算机系统`. A place stays when nothing but trade words would be left
    (`北京银行`, `深圳地铁`). The parts taken off are in `place_prefix`, `branch` and `legal_form`.
`brand_key`
    The shortest distinctive core: `name_key` without generic trade words behind it (`腾讯`), or the canonical brand
    where `aliases.csv` knows the name (`三快在线科技` -> `美团`). It groups a brand with its many legal persons, so equal
    brand keys are a reason to look closer, never proof on their own; sector words that tell firms apart (银行, 证券, 大学)
    stay. A one-character core is never returned.

Everything runs as polars expressions over distinct names; only names in mojibake take a Python step.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from gangwei.kernels.employers.name_forms import (
    ENTITY,
    NUMBER,
    Forms,
    alternation,
    compile_forms,
    to_simplified,
    unescaped,
    without_programme,
)
from gangwei.kernels.mojibake import unmojibake
from gangwei.kernels.shapeless import SHAPELESS

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

MAX_CHARS = 160
COLUMNS = {
    "name_raw": pl.String(),
    "name_clean": pl.String(),
    "name_key": pl.String(),
    "brand_key": pl.String(),
    "place_prefix": pl.String(),
    "branch": pl.String(),
    "legal_form": pl.String(),
    "trade": pl.String(),
    "kind": pl.String(),
    "is_agency": pl.Boolean(),
    "is_anonymous": pl.Boolean(),
    "is_truncated": pl.Boolean(),
}
_ROUND = "([一二三四五六七八九十百〇])[○◯]"
"""A circle that stands for the zero of a number: 七○一"""


@dataclass(frozen=True)
class KindRule:
    """One row of kinds.csv: names that fit `pattern` and not `not_if` are of `kind`."""

    kind: str
    pattern: str
    not_if: str


@dataclass(frozen=True)
class NameRules:
    """Compiled rules of the room `employers/`; build with `compile_rules`."""

    places: pl.DataFrame
    place_regex: str
    forms: Forms
    keep_place: str
    counties: pl.DataFrame
    legal_tail: str
    english_tail: str
    trade_only: str
    trade_tail: str
    trade_last: str
    agency_word: str
    agency_not: tuple[tuple[str, str], ...]
    agency_brands: tuple[tuple[str, str], ...]
    anonymous: tuple[str, ...]
    kinds: tuple[KindRule, ...]
    weak_brands: tuple[str, ...]
    aliases: pl.DataFrame


def compile_rules(book: Codebook) -> NameRules:
    """Rules from `employers/{suffixes,trades,places,agencies,anonymous,kinds,aliases}.csv` and `name_parts.toml`.

    Raises:
        gangwei.codebook.DefinitionError: a file is missing or a row has the wrong number of cells.
    """
    suffixes = book.rows("employers/suffixes.csv")
    kind = {
        k: [r["text"] for r in suffixes if r["kind"] == k] for k in ("legal", "glue", "branch", "english", "keep_place")
    }
    legal, glue = alternation(kind["legal"]), alternation(kind["glue"])
    english = alternation(kind["english"])
    places = book.rows("employers/places.csv")
    wide = [r for r in places if r["level"] != "county" or not r["id"].startswith("p") or r["name"] == r["short"]]
    cities = [r for r in places if r["level"] != "county"]
    trades = book.rows("employers/trades.csv")
    generic = alternation([r["text"] for r in trades if r["strip"] == "yes"])
    every = alternation([r["text"] for r in trades])
    words_only = alternation([r["text"] for r in trades if len(r["text"]) > 1])
    agencies = book.rows("employers/agencies.csv")
    words = [
        r | {"text": r["text"] if r["mode"] == "pattern" else re.escape(r["text"])}
        for r in agencies
        if r["mode"] in ("word", "pattern")
    ]
    brands = [r for r in agencies if r["mode"] == "brand"]
    place = alternation([r["name"] for r in wide])
    rules = NameRules(
        places=_place_frame(places),
        place_regex=place,
        forms=compile_forms(book, place, alternation([r["name"] for r in cities]), alternation(kind["branch"])),
        keep_place=rf"^(?:{alternation(kind['keep_place'])})",
        counties=_place_frame([r for r in places if r["level"] == "county" and r["name"] != r["short"]]),
        legal_tail=rf"^(.{{2,}}?)((?:{glue})*(?:{legal}))$",
        english_tail=rf"^(.+?)[\s,.]+(?:(?:{english})[\s,.&()]*)+$",
        trade_only=rf"^(?:{words_only})*(?:{NUMBER}|.)?(?:{words_only})*$",
        trade_tail=rf"^(.{{2,}}?)(?:{generic})+$",
        trade_last=rf"({every})$",
        agency_word="|".join(r["text"] for r in words if not r["not_if"]),
        agency_not=tuple((r["text"], r["not_if"]) for r in words if r["not_if"]),
        agency_brands=tuple((r["text"], r["not_if"]) for r in brands),
        anonymous=tuple(
            r["pattern"].replace("{place}", place).replace("{trade}", words_only)
            for r in book.rows("employers/anonymous.csv")
        ),
        kinds=tuple(KindRule(r["kind"], r["pattern"], r["not_if"]) for r in book.rows("employers/kinds.csv")),
        weak_brands=tuple(sorted({r["text"] for r in book.rows("employers/weak_brands.csv")})),
        aliases=pl.DataFrame(schema={"key": pl.String(), "brand": pl.String()}),
    )
    return replace(rules, aliases=_alias_frame(book.rows("employers/aliases.csv"), rules))


def _place_frame(rows: list[dict[str, str]]) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"place": [r["name"] for r in rows], "short": [r["short"] for r in rows]},
        schema={"place": pl.String(), "short": pl.String()},
    )
    return frame.unique("place", keep="first", maintain_order=True)


def _alias_frame(rows: list[dict[str, str]], rules: NameRules) -> pl.DataFrame:
    """name_key of every alias and of its brand -> key of the brand."""
    keys = normalise(pl.Series([r["name"] for r in rows], dtype=pl.String()), rules)["name_key"]
    brands = normalise(pl.Series([r["brand"] for r in rows], dtype=pl.String()), rules)["name_key"]
    pairs = pl.DataFrame({"key": keys, "brand": brands})
    return (
        pl.concat([pairs, pairs.select(key="brand", brand="brand")])
        .filter(pl.col("key").str.len_chars() >= 2)
        .unique("key", keep="first", maintain_order=True)
    )


def clean(names: pl.Series, forms: Forms) -> pl.DataFrame:
    """Readable names: width, script, wrapping and board noise undone; case, brackets and places kept.

    Returns `name_raw, name_clean, is_truncated`, one row per input row, in order; null becomes ''.
    """
    raw = names.cast(pl.String()).fill_null("").rename("name_raw")
    text = raw.str.slice(0, MAX_CHARS)
    garbled = text.str.contains(r"[\u{a1}-\u{ff}]{2}") & ~text.str.contains(r"[^\u{00}-\u{ff}]")
    if garbled.any():
        fixed = [unmojibake(t) if g else t for t, g in zip(text.to_list(), garbled.to_list(), strict=True)]
        text = pl.Series("name_raw", fixed, dtype=pl.String())
    if (escaped := text.str.contains(ENTITY)).any():
        text = text.zip_with(~escaped, unescaped(text))
    odd = text.str.contains(r"[^\u{20}-\u{7e}\u{4e00}-\u{9fff}]")
    text = text.zip_with(~odd, text.str.normalize("NFKC"))
    out = pl.DataFrame({"t": text}).select(
        pl.col("t")
        .str.replace_all(r"<[^>]*>", " ")
        .str.replace(r"[\s]+[0-5]\.[0-9]\s*$", "")
        .str.replace_all(SHAPELESS, "")
        .str.replace_all(r"[\s\p{C}]+", " ")
        .str.replace(r"^\s*\[\s*['\x22]?(.*?)['\x22]?\s*\]\s*$", "$1")
        .str.replace_all(r"[“”\x22]", "")
        .str.replace(forms.underscored, "-${1}")
        .str.replace_all(r"([\u{4e00}-\u{9fff}])_([\u{4e00}-\u{9fff}])", f"${{1}}{forms.hidden}${{2}}")
        .str.replace_all(_ROUND, "${1}〇")
        .str.replace_all(_ROUND, "${1}〇")  # 七○○
        .str.replace_all(r"[【\[{〔〈《「]", "(")
        .str.replace_all(r"[】\]}〕〉》」]", ")")
        .str.replace_all(r"\s*([()])\s*", "$1")
        .str.strip_chars(" \t'`,，、;；:：|·•●◆■★▪")
    )["t"]
    cut = out.str.contains(r"\.{2,}$")
    out = out.str.replace(r"\.{2,}$", "").str.strip_chars_end(" ")
    out = without_programme(to_simplified(out, forms.both_scripts), forms)
    return pl.DataFrame({"name_raw": raw, "name_clean": out, "is_truncated": cut})


def _split_place(text: pl.Series, rules: NameRules) -> tuple[pl.Series, pl.Series]:
    """(short name of the place in front or '', the rest); nothing is taken where only trade words would be left."""
    parts = pl.DataFrame({"t": text}).select(
        "t",
        head=pl.col("t").str.extract(rf"^({rules.place_regex})", 1),
    )
    rest = parts.select("head", rest=pl.col("t").str.slice(pl.col("head").str.len_chars().fill_null(0))).with_columns(
        rest=pl.when(pl.col("head").is_not_null())
        .then(pl.col("rest").str.replace(rules.forms.second_place, ""))
        .otherwise("rest")
    )
    county = pl.coalesce(
        pl.when(pl.col("rest").str.slice(0, n).is_in(rules.counties["place"].implode())).then(
            pl.col("rest").str.slice(0, n)
        )
        for n in (7, 6, 5, 4, 3)
    )
    rest = rest.with_columns(county=county).with_columns(
        rest=pl.col("rest").str.slice(pl.col("county").str.len_chars().fill_null(0)),
        place=pl.coalesce("head", "county"),
    )
    rest = rest.with_columns(
        rest=pl.when(pl.col("place").is_not_null())
        .then(pl.col("rest").str.replace(rules.forms.zone, ""))
        .otherwise("rest")
    )
    rest_ = pl.col("rest")
    bad = (rest_.str.len_chars() < 2) | rest_.str.contains(rules.trade_only) | rest_.str.contains(rules.keep_place)
    done = rest.with_columns(t=text).select(
        place=pl.when(pl.col("place").is_null() | bad).then(pl.lit("")).otherwise("place"),
        rest=pl.when(bad).then("t").otherwise("rest"),
    )
    return short_place(done["place"], rules), done["rest"]


def short_place(place: pl.Series, rules: NameRules) -> pl.Series:
    """Short name of a place (`深圳市` -> `深圳`); '' where there is none."""
    return (
        pl.DataFrame({"place": place})
        .join(rules.places, on="place", how="left", maintain_order="left")
        .select(pl.col("short").fill_null(""))["short"]
    )


def _split_branch(text: pl.Series, rules: NameRules) -> tuple[pl.Series, pl.Series]:
    """(name without its branch, the branch or '')."""
    frame, name, forms = pl.DataFrame({"t": text}).with_row_index("i"), pl.col("t").str, rules.forms
    a = frame.with_columns(head=name.extract(forms.behind_form, 1), tail=name.extract(forms.behind_form, 2))
    a = a.with_columns(tail=pl.when(pl.col("tail").str.contains(forms.own_body)).then(None).otherwise("tail"))
    soft = frame.filter(name.contains(forms.may_have_branch) & a["tail"].is_null())
    soft = soft.select(
        "i",
        soft_head=pl.coalesce(name.extract(forms.behind_city, 1), name.extract(forms.by_number, 1)),
        soft_tail=pl.coalesce(name.extract(forms.behind_city, 2), name.extract(forms.by_number, 2)),
    ).filter(~pl.col("soft_head").is_in(rules.places["place"].implode()))
    done = (
        a.join(soft, on="i", how="left", maintain_order="left")
        .select(
            head=pl.when(pl.col("tail").is_not_null()).then("head").otherwise(pl.coalesce("soft_head", "t")),
            tail=pl.when(pl.col("tail").is_not_null()).then("tail").otherwise(pl.col("soft_tail").fill_null("")),
        )
        .with_columns(
            h1=pl.coalesce(pl.col("head").str.extract(forms.behind_dash, n) for n in (1, 3)),
            t1=pl.coalesce(pl.col("head").str.extract(forms.behind_dash, n) for n in (2, 4)),
        )
        .select(head=pl.coalesce("h1", "head"), tail=pl.when(pl.col("t1").is_not_null()).then("t1").otherwise("tail"))
    )
    return done["head"], done["tail"]


def normalise(names: pl.Series, rules: NameRules) -> pl.DataFrame:
    """Keys and parts of employer names: one row per input name, in order, with the columns of `COLUMNS`.

    Args:
        names: names as written (null allowed); repeats are allowed but wasteful.
        rules: from `compile_rules`.

    Every string column is '' where there is nothing to say. `trade` is the last trade word of the name, `kind` one of
    agency, anonymous, company, military, hospital, university, school, government, institute, person, other.
    """
    frame = clean(names, rules.forms)
    text = frame["name_clean"].str.to_lowercase()
    text = text.zip_with(
        ~text.str.contains(r"[\u{4e00}-\u{9fff}] "),
        text.str.replace_all(r"([\u{4e00}-\u{9fff}])\s+", "$1"),
    )
    bracket = text.str.extract(rules.forms.bracket, 1).fill_null("")
    bare = text.str.replace_all(r"\([^()]*\)", "").str.replace_all(r"\([^()]*\)", "")
    bare = bare.str.replace(r"\([^()]*$", "").str.replace_all(r"[()]", "").str.strip_chars(" ")
    bare = bare.zip_with(bare.str.len_chars() >= 2, text.str.replace_all(r"[()]", " ").str.strip_chars(" "))
    cut = frame["is_truncated"]
    if cut.any():
        bare = bare.zip_with(~cut, bare.str.replace(rules.forms.stub, ""))
    head, branch = _split_branch(bare, rules)
    place, core = _split_place(head, rules)
    parts = pl.DataFrame({"core": core}).with_columns(
        stem=pl.col("core").str.extract(rules.legal_tail, 1), legal=pl.col("core").str.extract(rules.legal_tail, 2)
    )
    latin = parts["core"].str.contains(r"[a-z]") & parts["stem"].is_null()
    english = parts.filter(latin)["core"].str.extract(rules.english_tail, 1)
    stem = parts["stem"].fill_null("").zip_with(parts["stem"].is_not_null(), parts["core"])
    if len(english):
        where = latin.arg_true()
        keep = english.is_not_null()
        stem = stem.scatter(where.filter(keep), english.filter(keep))
    legal = parts["legal"].fill_null("")
    back = stem.str.extract(rf"^.{{4,}}({rules.place_regex})$", 1).fill_null("")
    back = back.zip_with(legal != "", back.clear().extend_constant("", len(back)))
    stem = pl.DataFrame({"s": stem, "b": back}).select(
        pl.col("s").str.slice(0, pl.col("s").str.len_chars() - pl.col("b").str.len_chars())
    )["s"]
    bracket = bracket.zip_with(bracket != "", back)
    key = stem.str.replace_all(r"[^\p{L}\p{N}]+", "")
    key = key.zip_with(key.str.len_chars() >= 2, bare.str.replace_all(r"[^\p{L}\p{N}]+", ""))
    place = place.zip_with(place != "", short_place(bracket, rules))
    out = frame.with_columns(
        name_key=key,
        place_prefix=place,
        branch=branch.str.strip_chars("-_ "),
        legal_form=legal,
        trade=key.str.extract(rules.trade_last, 1).fill_null(""),
    )
    out = out.with_columns(
        brand_key=_brand(out["name_key"], out["place_prefix"], rules), **_flags(text, out["name_key"], rules)
    )
    return out.with_columns(
        kind=pl.when("is_anonymous")
        .then(pl.lit("anonymous"))
        .when("is_agency")
        .then(pl.lit("agency"))
        .otherwise("kind")
    ).select(list(COLUMNS))


def without_latin_edges(key: pl.Series, rules: NameRules) -> pl.Series:
    """name_key without a Latin brand at its edge (`zte中兴` -> `中兴`) where the rest says who it is."""
    han = key.str.replace(r"^[a-z0-9]{2,}([\u{4e00}-\u{9fff}]{2,})$", "$1").str.replace(
        r"^([\u{4e00}-\u{9fff}]{2,})[a-z0-9]{3,}$", "$1"
    )
    han = han.zip_with(~han.str.contains(rules.trade_only), key)
    return han


def alias_of(key: pl.Series, place: pl.Series, rules: NameRules) -> pl.Series:
    """Key of the brand that `aliases.csv` gives the name_key, or null; a key of two characters only without a place."""
    bare = without_latin_edges(key, rules)
    frame = pl.DataFrame({"key": key, "bare": bare, "place": place})
    for by in ("key", "bare"):
        named = rules.aliases.select(pl.col("key").alias(by), pl.col("brand").alias(f"by_{by}"))
        frame = frame.join(named, on=by, how="left", maintain_order="left")
    clear = (pl.col("place") == "") | (pl.col("bare").str.len_chars() > 2)
    return frame.select(pl.when(clear).then(pl.coalesce("by_key", "by_bare")).alias("alias"))["alias"]


def _brand(key: pl.Series, place: pl.Series, rules: NameRules) -> pl.Series:
    """The brand of each name_key: alias, else the key without generic trade words and Latin edges."""
    han = without_latin_edges(key, rules)
    core = han.str.extract(rules.trade_tail, 1)
    weak = core.is_in(list(rules.weak_brands)) | core.is_in(rules.places["place"].implode())
    core = han.zip_with(core.is_null() | weak, core)
    long = rules.aliases.filter(pl.col("key").str.len_chars() > 2).rename({"key": "core"})
    frame = pl.DataFrame({"core": core}).join(long, on="core", how="left", maintain_order="left")
    frame = frame.with_columns(alias=alias_of(key, place, rules))
    return frame.select(pl.coalesce("alias", "brand", "core").alias("brand_key"))["brand_key"]


def _flags(text: pl.Series, key: pl.Series, rules: NameRules) -> dict[str, pl.Series]:
    """is_agency, is_anonymous and kind of each name; `text` is the cleaned name in lower case."""
    agency = text.str.contains(rules.agency_word)
    for word, not_if in rules.agency_not:
        agency = agency | (text.str.contains(word) & ~text.str.contains(not_if))
    head = key.str.contains(
        "^(?:" + "|".join(re.escape(b.replace(" ", "")) for b, n in rules.agency_brands if not n) + ")"
    )
    agency = agency | head
    for brand, not_if in rules.agency_brands:
        if not_if:
            agency = agency | (key.str.starts_with(brand.replace(" ", "")) & ~key.str.contains(not_if))
    anonymous = key == ""  # nothing, or marks alone (***)
    for pattern in rules.anonymous:
        anonymous = anonymous | text.str.contains(pattern)
    kind = pl.Series("kind", ["company"], dtype=pl.String()).new_from_index(0, len(text))
    for rule in reversed(rules.kinds):
        fits = text.str.contains(rule.pattern)
        if rule.not_if:
            fits = fits & ~text.str.contains(rule.not_if)
        kind = pl.Series("kind", [rule.kind], dtype=pl.String()).new_from_index(0, len(text)).zip_with(fits, kind)
    return {"is_agency": agency & ~anonymous, "is_anonymous": anonymous, "kind": kind}
