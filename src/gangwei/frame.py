"""Open a dataset directory and lay out its openings for counting.

`Dataset` holds one in-memory DuckDB connection that can read the published Parquet files and nothing else. Two narrow
tables are made from them: `fact`, one row for each opening and place (the grain of almost every figure), and `fact_ads`,
the same for every ad, made when first asked for. Places split an opening into shares that sum to `UNIT`.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import tempfile
import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow.parquet as pq

from gangwei import schema
from gangwei.codebook import Codebook, DefinitionError

UNIT = 720720
"""One opening in the integer weights of places: divisible by every number of places up to 16."""

OPTIONAL = frozenset(
    {
        "texts", "issues", "campaigns", "spells", "decisions", "rejects", "affiliations", "employer_names", "skills", "employer_sizes",
        "match_sensitivity",
    }
)  # fmt: skip
MASK_BITS = 62


class DatasetError(ValueError):
    """The directory cannot be read as a dataset; the message says what is wrong and what to do."""


class SchemaMismatch(DatasetError):
    """The dataset was written by another schema version, or lacks columns of this one."""


SECTORS = ("defence", "supplier", "surveillance", "state_owned", "university", "agency", "anonymous")
DEFENCE_RUNGS = ("T1", "T2", "T3", "T4", "T1-T2", "T1-T3", "T1-T4", "T5")
EXPERIENCE_BANDS = ("none", "under_1", "1_to_3", "3_to_5", "5_to_10", "over_10")

# Columns of ads that are closed codes: name in fact -> (SQL over a = ads, e = employers, values)
CODES: dict[str, tuple[str, tuple[str, ...]]] = {
    "tier": ("a.ai_tier", schema.AI_TIERS),
    "role": ("a.ai_role", schema.AI_ROLES),
    "place_status": ("a.place_status", schema.PLACE_STATUS),
    "pay_status": ("a.pay_status", schema.PAY_STATUS),
    "pay_unit": ("a.pay_unit", schema.PAY_UNITS),
    "education": ("a.education", schema.EDUCATION),
    "seniority": ("a.seniority", schema.SENIORITY),
    "employment_type": ("a.employment_type", schema.EMPLOYMENT),
    "defence": ("coalesce(e.defence, 'unknown')", schema.DEFENCE),
    "defence_group": ("e.defence_group", schema.DEFENCE_GROUPS),
    "employer_size": ("z.size_band", schema.EMPLOYER_SIZE_BANDS),
    "date_precision": ("a.date_precision", ("day", "month", "year", "none")),
    "experience": (
        "CASE WHEN a.experience_min_months IS NULL THEN NULL WHEN a.experience_min_months <= 0 THEN 'none' "
        "WHEN a.experience_min_months < 12 THEN 'under_1' WHEN a.experience_min_months < 36 THEN '1_to_3' "
        "WHEN a.experience_min_months < 60 THEN '3_to_5' WHEN a.experience_min_months < 120 THEN '5_to_10' "
        "ELSE 'over_10' END",
        EXPERIENCE_BANDS,
    ),
}
# Columns whose values are learned from the data.
OPEN_CODES: dict[str, str] = {
    "language": "a.language",
    "occupation": "a.occupation_code",
    "industry": "a.industry_code",
    "employer_kind": "e.kind",
}
# What an ad does not say; `text` is asked of the texts when first needed.
MISSING: dict[str, str] = {
    "pay": "a.pay_status IS NULL OR a.pay_status <> 'ok'",
    "education": "a.education IS NULL",
    "experience": "a.experience_min_months IS NULL",
    "city": "a.adcode IS NULL AND coalesce(a.place_status, 'none') <> 'multi'",
    "employer": "a.employer_id IS NULL OR e.is_anonymous",
    "date": "a.captured_date IS NULL AND coalesce(a.date_precision, 'none') <> 'day'",
    "occupation": "a.occupation_code IS NULL",
    "industry": "a.industry_code IS NULL",
    "text": "false",
}
# How far an opening is from being AI by the classifier: the strata of `gangwei label` and of shares corrected by labels.
LABEL_CLASSES = ("builder", "adjacent", "user", "mention", "near", "none")
LABEL_CLASS_SQL = (
    "CASE WHEN a.ai_tier <> 'none' THEN a.ai_tier WHEN a.ai_mention THEN 'mention' WHEN a.ai_score >= 0.05 THEN 'near' "
    "ELSE 'none' END"
)
FLAGS: dict[str, str] = {
    "mention": "a.ai_mention",
    "repeat": "o.ad_id IS NULL",
    "surveillance_job": "a.surveillance_job",
    "defence_signal": "a.defence_signal",
    "surveillance_company": "e.surveillance_company",
    "state_owned": "e.state_owned",
    "is_agency": "e.is_agency",
    "is_anonymous": "e.is_anonymous",
}


def quote(path: Path) -> str:
    """A path as an SQL string literal."""
    return "'" + str(path).replace("'", "''") + "'"


def _load_json(path: Path) -> dict[str, Any]:
    try:
        out = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as e:
        raise DatasetError(f"{path.name}: cannot be read as JSON ({e}); run `gangwei build` again") from None
    if not isinstance(out, dict):
        raise DatasetError(f"{path.name}: not a JSON object; run `gangwei build` again")
    return out


def _find(directory: Path) -> Path:
    if not directory.exists():
        raise DatasetError(f"{directory}: no such directory; make one with `gangwei build FILES --out {directory}`")
    if (directory / "published").is_dir():
        return directory / "published"
    if (directory / "ads.parquet").is_file():
        return directory
    if (directory / "stages").is_dir():
        raise DatasetError(f"{directory}: half built (stages/ but no published/); run the same `gangwei build` again")
    raise DatasetError(f"{directory}: not a dataset (no published/ inside); make one with `gangwei build`")


def _check(published: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Validate versions, files and columns; return (datapackage, manifest)."""
    package: dict[str, Any] = {}
    manifest: dict[str, Any] = {}
    for name in ("datapackage.json", "manifest.json"):
        places = [published / name, published.parent / name]
        found = next((p for p in places if p.is_file()), None)
        if found is None:
            raise DatasetError(f"{published}: half built ({name} is missing); run the same `gangwei build` again")
        if name.startswith("data"):
            package = _load_json(found)
        else:
            manifest = _load_json(found)
    version = package.get("schema_version")
    if version != schema.SCHEMA_VERSION:
        raise SchemaMismatch(
            f"the dataset has schema_version {version}, this program reads {schema.SCHEMA_VERSION}; "
            "build it again from the raw files (`gangwei build FILES --out DIR`)"
        )
    for table in schema.PUBLISHED_TABLES:
        path = published / f"{table.name}.parquet"
        if not path.is_file():
            if table.name in OPTIONAL:
                continue
            raise DatasetError(f"half built: {path.name} is missing; run the same `gangwei build` again")
        try:
            names = set(pq.read_schema(path).names)
        except Exception as e:
            line = str(e).splitlines()[0]
            raise DatasetError(f"{path.name} is corrupted ({line}); run `gangwei build` again") from None
        if missing := [c.name for c in table.columns if c.name not in names]:
            raise SchemaMismatch(f"{path.name} lacks the columns {', '.join(missing)}; build the dataset again")
    return package, manifest


@dataclass(frozen=True)
class Place:
    """A unit of the administrative map: 1 province, 2 prefecture level, 3 county level."""

    adcode: int
    level: int
    zh: str
    short: str
    en: str


def _places(book: Codebook) -> dict[int, Place]:
    """Units of the current vintage, by code in order; a county that a province administers is of prefecture level."""
    if not any(n == "places/units.csv" for n in book.names("places", ".csv")):
        return {}
    out: dict[int, Place] = {}
    for r in book.rows("places/units.csv"):
        code, level = int(r["id"]), int(r["level"])
        if r["to"] or r["now"]:
            continue
        administered = level == 3 and code % 10000 // 100 == 90
        out[code] = Place(code, 2 if administered else level, r["name"], r["short"] or r["name"], r["en"] or r["name"])
    return dict(sorted(out.items()))


def _clusters(book: Codebook, places: dict[int, Place]) -> dict[str, dict[str, frozenset[int]]]:
    """scope -> cluster -> codes; a province whose units all belong belongs itself, one split by a scope is 'unclear'."""
    if not any(n == "places/clusters.csv" for n in book.names("places", ".csv")):
        return {}
    rows = {r["id"]: r for r in book.rows("places/clusters.csv")}
    found: dict[str, dict[str, set[int]]] = {}
    for scope, ids in book.toml("measures/settings.toml")["scopes"].items():
        for id_ in ids:
            if id_ not in rows:
                raise DefinitionError(
                    f"measures/settings.toml [scopes] {scope}: no cluster {id_} in places/clusters.csv"
                )
            members = {int(m) for m in rows[id_]["members"].split(";")}
            found.setdefault(scope, {}).setdefault(rows[id_]["cluster"], set()).update(members)
    units: dict[int, set[int]] = {}
    for code, p in places.items():
        if p.level == 2 and code // 10000 < 70:
            units.setdefault(code // 10000 * 10000, set()).add(code)
    out: dict[str, dict[str, frozenset[int]]] = {}
    for scope, clusters in found.items():
        unclear: set[int] = set()
        for codes in clusters.values():
            for province in sorted({c // 10000 * 10000 for c in codes} & set(units)):
                if units[province] <= codes:
                    codes.add(province)
                elif province not in codes:
                    unclear.add(province)
        out[scope] = {c: frozenset(v) for c, v in sorted(clusters.items())}
        if unclear:
            out[scope]["unclear"] = frozenset(unclear)
    return out


@dataclass
class Dataset:
    """A published dataset opened for reading; use `Dataset.open`."""

    directory: Path
    published: Path
    package: dict[str, Any]
    manifest: dict[str, Any]
    codebook: Codebook
    connection: duckdb.DuckDBPyConnection
    boards: tuple[str, ...]
    open_values: dict[str, tuple[str, ...]]
    places: dict[int, Place]
    clusters: dict[str, dict[str, frozenset[int]]]
    label_file: Path | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    tables_made: set[str] = field(default_factory=set)

    @classmethod
    def open(
        cls, directory: Path | str, codebook: Codebook | None = None, *, labels: Path | None = None, threads: int = 2,
        memory: str = "4GB",
    ) -> Self:  # fmt: skip
        """Check and open `directory` (a build's output, or its published/ folder).

        `labels` is a file of labels that corrects shares; without it those that `gangwei label` left in the directory do.

        Raises:
            DatasetError: nothing readable there (missing, half built, corrupted).
            SchemaMismatch: another schema version.
        """
        directory = Path(directory).resolve()
        published = _find(directory)
        package, manifest = _check(published)
        book = codebook or Codebook()
        spill = str(Path(tempfile.gettempdir()) / f"gangwei-{os.getpid()}")
        con = duckdb.connect(":memory:", config={"threads": threads, "memory_limit": memory, "temp_directory": spill})
        con.execute("SET disabled_optimizers='join_filter_pushdown'")
        con.execute(f"SET allowed_directories=[{quote(published)}]")
        try:
            for table in schema.PUBLISHED_TABLES:
                path = published / f"{table.name}.parquet"
                if path.is_file():
                    numbered = ", file_row_number=true" if table.name in ("ads", "ad_places") else ""
                    con.execute(f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet({quote(path)}{numbered})")
                else:
                    columns = ", ".join(f"NULL::{_sql_type(c)} AS {c.name}" for c in table.columns)
                    con.execute(f"CREATE VIEW {table.name} AS SELECT {columns} WHERE false")
            boards = tuple(
                r[0]
                for r in con.execute("SELECT DISTINCT board FROM ads WHERE board IS NOT NULL ORDER BY 1").fetchall()
            )
            con.execute("SET enable_external_access=false")
            con.execute("SET lock_configuration=true")
            places = _places(book)
            clusters = _clusters(book, places)
            out = cls(directory, published, package, manifest, book, con, boards, {}, places, clusters, labels)
            out._layout()
        except duckdb.Error as e:
            line = str(e).splitlines()[0]
            raise DatasetError(
                f"a table of {published.name}/ cannot be read ({line}); run `gangwei build` again"
            ) from None
        return out

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection for one thread; it sees the same tables."""
        return self.connection.cursor()

    def rows(self, sql: str, params: dict[str, Any] | list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one query on a cursor of its own."""
        cur = self.cursor()
        try:
            return cur.execute(sql, params or {}).fetchall() if params else cur.execute(sql).fetchall()
        except duckdb.Error as e:
            if type(e) not in (duckdb.Error, duckdb.IOException, duckdb.InvalidInputException):
                raise
            line = str(e).splitlines()[0]
            raise DatasetError(f"a table of published/ cannot be read ({line}); run `gangwei build` again") from None
        finally:
            cur.close()

    @property
    def as_of(self) -> dt.date | None:
        """The manifest's as-of date, else the latest date of any ad, else None."""
        value = self.manifest.get("as_of")
        if isinstance(value, str):
            try:
                return dt.date.fromisoformat(value[:10])
            except ValueError:
                return None
        row = self.rows(
            "SELECT max(greatest(coalesce(captured_date, posted_date), coalesce(posted_date, captured_date))) FROM ads"
        )
        latest: dt.date | None = row[0][0]
        return latest

    @property
    def definitions_version(self) -> str:
        """Hash of the definitions the dataset was built with."""
        return str(self.manifest.get("definitions_version") or self.codebook.version)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Ids of the cluster scopes."""
        return tuple(self.clusters)

    def board_bit(self, board: str) -> int:
        """The bit of a board in `board_mask`; boards beyond the 61st share the last bit."""
        return 1 << min(self.boards.index(board), MASK_BITS - 1)

    def fact(self, grain: str, ai: bool = False) -> str:
        """The table that holds the rows of a grain, made when first asked for; `ai` allows one without the non-AI rows."""
        if grain in ("opening", "spell", "campaign"):
            if not ai:
                return "fact"
            with self.lock:
                if "fact_ai" not in self.tables_made:
                    self._run("CREATE TABLE fact_ai AS SELECT * FROM fact WHERE tier <> 'none' OR mention")
                    self.tables_made.add("fact_ai")
            return "fact_ai"
        with self.lock:
            if "fact_ads" not in self.tables_made:
                self._make("fact_ads", every_ad=True)
                self.tables_made.add("fact_ads")
        return "fact_ads"

    def need_texts(self) -> None:
        """Make the table `has_text` (row_no of the ads with a text) when first asked for."""
        with self.lock:
            if "has_text" not in self.tables_made:
                self.connection.cursor().execute(
                    "CREATE TABLE has_text AS SELECT a.file_row_number AS row_no FROM texts t JOIN ads a ON a.ad_id = t.ad_id "
                    "WHERE len(t.sections) > 0"
                ).close()
                self.tables_made.add("has_text")

    def terms(self) -> str:
        """The table of (row_no, term): concepts that ads name outside the employer's blurb, made when first asked for."""
        with self.lock:
            if "ad_term" not in self.tables_made:
                self._run(
                    "CREATE TABLE ad_term AS SELECT DISTINCT a.file_row_number AS row_no, split_part(d.rule_id, '.', 1) AS term "
                    "FROM decisions d JOIN ads a ON a.ad_id = d.ad_id WHERE d.decision = 'ai_term' AND d.rule_id IS NOT NULL "
                    "AND NOT suffix(coalesce(d.reason_id, ''), '@blurb') ORDER BY term, row_no"
                )
                self.tables_made.add("ad_term")
        return "ad_term"

    @cached_property
    def concepts(self) -> tuple[str, ...]:
        """Concepts of the AI terms, in order."""
        if not any(n == "ai/terms.csv" for n in self.codebook.names("ai", ".csv")):
            return ()
        return tuple(sorted({r["concept"] for r in self.codebook.rows("ai/terms.csv")}))

    def _run(self, sql: str) -> None:
        con = self.connection.cursor()
        con.execute(sql)
        con.close()

    def _layout(self) -> None:
        con = self.connection
        con.execute(
            "CREATE TABLE employer_no AS SELECT row_number() OVER (ORDER BY employer_id) - 1 AS emp_no, employer_id FROM employers"
        )
        con.execute("CREATE TABLE board_no (board VARCHAR, bit BIGINT)")
        if self.boards:
            con.execute(
                "INSERT INTO board_no SELECT unnest($1), unnest($2)",
                [list(self.boards), [self.board_bit(b) for b in self.boards]],
            )
        enums = {k: v for k, (_, v) in CODES.items()} | {"label_class": LABEL_CLASSES}
        for name, values in enums.items():
            con.execute(f"CREATE TYPE e_{name} AS ENUM ({', '.join(repr(v) for v in values)})")
        nothing = "SELECT '-'"
        con.execute(
            f"CREATE TYPE e_board AS ENUM ({'SELECT board FROM board_no ORDER BY board' if self.boards else nothing})"
        )
        for name, sql in OPEN_CODES.items():
            alias, column = sql.split(".")
            table = {"a": "ads", "e": "employers"}[alias]
            values = tuple(
                r[0]
                for r in con.execute(
                    f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY 1 LIMIT 5000"
                ).fetchall()
            )
            self.open_values[name] = values
            learned = f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY 1 LIMIT 5000"
            con.execute(f"CREATE TYPE e_{name} AS ENUM ({learned if values else nothing})")
        con.execute("CREATE TABLE cluster_member (scope VARCHAR, cluster VARCHAR, adcode INTEGER)")
        members = [[s, c, a] for s, cs in self.clusters.items() for c, codes in cs.items() for a in sorted(codes)]
        if members:
            con.execute(
                "INSERT INTO cluster_member SELECT unnest($1), unnest($2), unnest($3)", [list(x) for x in zip(*members)]
            )
        con.execute(
            "CREATE TABLE affiliation AS SELECT n.emp_no, a.tier, CASE a.tier WHEN 'T1' THEN 1 WHEN 'T2' THEN 2 "
            "WHEN 'T3' THEN 4 WHEN 'T4' THEN 8 WHEN 'T5' THEN 16 ELSE 0 END AS bit, a.list_id, a.valid_from, a.valid_to "
            "FROM affiliations a JOIN employer_no n ON n.employer_id = a.employer_id"
        )
        self._make("fact", every_ad=False)

    def _make(self, name: str, *, every_ad: bool) -> None:
        con = self.cursor()
        codes = ", ".join(f"TRY_CAST({sql} AS e_{c}) AS {c}" for c, (sql, _) in CODES.items())
        opens = ", ".join(f"TRY_CAST({sql} AS e_{c}) AS {c}" for c, sql in OPEN_CODES.items())
        flags = ", ".join(f"{sql} AS {c}" for c, sql in FLAGS.items())
        subfields = " + ".join(
            f"CASE WHEN list_contains(a.ai_subfields, '{s}') THEN {1 << i} ELSE 0 END"
            for i, s in enumerate(schema.AI_SUBFIELDS)
        )
        sector_sql = {
            "defence": "e.defence IN ('group', 'subsidiary', 'university', 'institute')",
            "supplier": "e.defence = 'supplier_known'",
            "surveillance": "e.surveillance_company",
            "state_owned": "e.state_owned",
            "university": "e.kind = 'university'",
            "agency": "e.is_agency",
            "anonymous": "e.is_anonymous",
        }
        sectors = " + ".join(f"CASE WHEN {sector_sql[s]} THEN {1 << i} ELSE 0 END" for i, s in enumerate(SECTORS))
        missing = " + ".join(f"CASE WHEN {sql} THEN {1 << i} ELSE 0 END" for i, sql in enumerate(MISSING.values()))
        exact = self.codebook.toml("measures/grains.toml")["exact_reasons"]
        exact_sql = ", ".join("'" + str(r).replace("'", "''") + "'" for r in exact)
        join = "LEFT JOIN" if every_ad else "JOIN"
        mid = "CASE WHEN a.pay_status = 'ok' AND a.pay_min_fen IS NOT NULL AND a.pay_max_fen IS NOT NULL THEN (a.pay_min_fen + a.pay_max_fen) // 2 END"
        board_mask = "coalesce(b.bit, 0)" if every_ad else "coalesce(m.mask, 0)"
        masks = (
            "" if every_ad
            else "LEFT JOIN (SELECT x.opening_id, bit_or(y.bit) AS mask FROM ads x JOIN board_no y ON y.board = x.board GROUP BY 1) m ON m.opening_id = o.opening_id"
        )  # fmt: skip
        dates = (
            "coalesce(a.posted_date, a.captured_date) AS first_date, coalesce(a.captured_date, a.posted_date) AS last_date, 1 AS n_ads"
            if every_ad
            else "o.first_date, o.last_date, o.n_ads"
        )
        con.execute(
            f"""
            CREATE TABLE {name} AS
            WITH base AS (
              SELECT a.file_row_number AS row_no, a.ad_id, a.opening_id, coalesce(n.emp_no, -1 - a.file_row_number) AS emp_no,
                TRY_CAST(a.board AS e_board) AS board, {board_mask} AS board_mask, {codes}, {opens}, {flags},
                CAST({LABEL_CLASS_SQL} AS e_label_class) AS label_class, CAST(round(coalesce(a.ai_score, 0) * 10000) AS SMALLINT) AS label_score,
                {missing} AS missing_mask, coalesce(k.first_no <> a.file_row_number, false) AS is_campaign_copy,
                {subfields} AS subfield_mask, {sectors} AS sector_mask, {dates},
                coalesce(s.n_spells, 1) AS n_spells, s.n_spells IS NOT NULL AS has_spell,
                coalesce(a.match_reason IN ({exact_sql}), false) AS is_exact_copy,
                CASE WHEN a.pay_unit = 'month' THEN {mid} END AS pay_month_fen,
                CASE WHEN a.pay_unit = 'month' THEN ({mid}) * coalesce(a.pay_months, 12) WHEN a.pay_unit = 'year' THEN {mid} END AS pay_year_fen,
                TRY_CAST(a.adcode AS INTEGER) AS own_adcode,
                CASE WHEN a.place_status = 'ok' AND a.county_adcode <> a.adcode THEN TRY_CAST(a.county_adcode AS INTEGER) END AS county
              FROM ads a {join} openings o ON o.ad_id = a.ad_id
              LEFT JOIN employers e ON e.employer_id = a.employer_id
              LEFT JOIN employer_sizes z ON z.employer_id = a.employer_id
              LEFT JOIN employer_no n ON n.employer_id = a.employer_id
              LEFT JOIN board_no b ON b.board = a.board
              {masks}
              LEFT JOIN (SELECT x.campaign_id, min(x.file_row_number) AS first_no FROM ads x JOIN openings y ON y.ad_id = x.ad_id
                WHERE x.campaign_id IS NOT NULL GROUP BY 1) k ON k.campaign_id = a.campaign_id
              LEFT JOIN (SELECT opening_id, count(*) AS n_spells FROM spells GROUP BY 1) s ON s.opening_id = o.opening_id
            ),
            places AS (
              SELECT ad_id, TRY_CAST(adcode AS INTEGER) AS adcode, CAST(round(weight * {UNIT}) AS BIGINT) AS w,
                row_number() OVER (PARTITION BY ad_id ORDER BY file_row_number) AS ordinal
              FROM ad_places WHERE TRY_CAST(adcode AS INTEGER) IS NOT NULL
            )
            SELECT base.* EXCLUDE (own_adcode), coalesce(p.adcode, base.own_adcode) AS adcode,
              (coalesce(p.adcode, base.own_adcode) // 10000) * 10000 AS province,
              CASE WHEN p.adcode IS NULL AND base.own_adcode IS NULL THEN 0 ELSE coalesce(p.w, {UNIT}) END AS w,
              coalesce(p.ordinal, 1) = 1 AS is_first
            FROM base LEFT JOIN places p ON p.ad_id = base.ad_id
            ORDER BY row_no, coalesce(p.ordinal, 1)
            """
        )
        con.close()


def _sql_type(column: schema.Column) -> str:
    name = str(column.type)
    simple = {
        "String": "VARCHAR",
        "Boolean": "BOOLEAN",
        "Int64": "BIGINT",
        "Int32": "INTEGER",
        "Float64": "DOUBLE",
        "Date": "DATE",
    }
    return simple.get(name, "VARCHAR[]" if name == "List(String)" else "VARCHAR")


def open_dataset(directory: Path | str, codebook: Codebook | None = None, labels: Path | None = None) -> Dataset:
    """Open a dataset directory; see `Dataset.open`."""
    return Dataset.open(directory, codebook, labels=labels)
