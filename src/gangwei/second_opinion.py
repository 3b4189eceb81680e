"""Ask any OpenAI-compatible endpoint about the ads near the cut; off unless its command is given (extra `[llm]`).

Nothing is sent before the number of ads, tokens and the cost are shown and agreed to. An ad goes out as quoted JSON, contacts
removed. Only an answer inside the closed vocabulary counts; everything else is written down and changes nothing. Answers go
to the ledger of `gangwei.opinions`, which the next build applies without a network.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import polars as pl

from gangwei import opinions
from gangwei.frame.dataset import Dataset
from gangwei.kernels.clean import contacts
from gangwei.opinions import ANSWERED, FAILED, REFUSED
from gangwei.schema import AI_TIERS
from gangwei.stages.s6_classify import text_keys
from gangwei.store import locked

if TYPE_CHECKING:
    import httpx

MODEL = re.compile(r"[\w.:/@+-]{1,100}")
FENCE = re.compile(r"\s*```(?:json)?\s*(\{.*\})\s*```\s*", re.DOTALL)
MAX_ANSWER_BYTES = 1 << 18
MIN_TEXT = 20
TRIES = 3
IN_A_ROW = 10


class OpinionError(ValueError):
    """The endpoint, the band or the dataset cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Request:
    """Where to ask and what: `band` is the inclusive range of ai_score, prices are per million tokens."""

    endpoint: str
    model: str
    band: tuple[float, float] = (0.35, 0.65)
    limit: int | None = None
    timeout: float = 60.0
    jobs: int = 4
    price_in: float | None = None
    price_out: float | None = None


@dataclass(frozen=True)
class Plan:
    """What would be sent: `ads` has key, ad_id and message; tokens are estimates."""

    ads: pl.DataFrame
    in_band: int
    answered_before: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    prompt: str
    system: str
    max_answer_tokens: int

    def text(self) -> str:
        """The plan in one line."""
        cost = "cost unknown: give --price-in and --price-out" if self.cost is None else f"about {self.cost:,.2f}"
        return (
            f"{self.in_band:,} texts in the band, {self.answered_before:,} answered before, {self.ads.height:,} to ask: "
            f"about {self.tokens_in:,} tokens in, {self.tokens_out:,} out; {cost}"
        )


def band(text: str) -> tuple[float, float]:
    """'0.35..0.65' as two numbers.

    Raises:
        OpinionError: not a range within 0 and 1.
    """
    low, dots, high = text.partition("..")
    try:
        out = (float(low), float(high))
    except ValueError:
        out = (1.0, 0.0)
    if not dots or not 0 <= out[0] <= out[1] <= 1:
        raise OpinionError(f"--band {text}: write two numbers between 0 and 1, such as 0.35..0.65")
    return out


def address(endpoint: str) -> str:
    """The address of chat completions below a base address such as https://host/v1.

    Raises:
        OpinionError: not http(s), with a password in it, or plain http to a public host.
    """
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
    except ValueError:
        raise OpinionError(f"--endpoint {endpoint}: not an address") from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise OpinionError(f"--endpoint {endpoint}: write a base address such as https://host/v1")
    if parts.username or parts.password:
        raise OpinionError("--endpoint: holds a password; put the key into an environment variable (--key-env)")
    if parts.scheme == "http" and not _private(host):
        raise OpinionError(f"--endpoint {endpoint}: plain http leaves this network unprotected; use https")
    return endpoint.rstrip("/") + "/chat/completions"


def _private(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def plan(directory: Path, request: Request) -> Plan:
    """The distinct texts of a dataset with a score in the band, an AI term and no answer of this model to this prompt yet.

    Raises:
        OpinionError: the model's name cannot stand in a rule id, or the dataset has no texts.
        DatasetError, StoreError: no dataset, or a damaged ledger.
    """
    if not MODEL.fullmatch(request.model):
        raise OpinionError(f"--model {request.model}: letters, digits and . : / @ + - _ only")
    dataset = Dataset.open(directory)
    dataset.need_build()
    asked = dataset.codebook.toml("ai/opinion.toml")
    prompt = hashlib.sha256(asked["system"].encode()).hexdigest()[:8]
    ads = dataset.cursor().execute(
        "SELECT a.ad_id, coalesce(a.title, '') AS title, t.text, a.ai_score FROM ads a JOIN texts t ON t.ad_id = a.ad_id "
        "WHERE a.ai_mention AND a.ai_score BETWEEN ? AND ? AND length(t.text) >= ? ORDER BY a.ad_id",
        [*request.band, MIN_TEXT],
    ).pl()  # fmt: skip
    if ads.is_empty() and not (directory / "published" / "texts.parquet").is_file():
        raise OpinionError(f"{directory}: no texts; build the dataset without --no-texts")
    number = text_keys(ads["title"], ads["text"])
    ads = ads.with_columns(key=pl.Series([opinions.as_key(int(k)) for k in number], dtype=pl.String))
    ads = ads.unique("key", keep="first", maintain_order=True)
    known = opinions.read(directory / opinions.LEDGER).filter(
        (pl.col("model") == request.model) & (pl.col("prompt") == prompt) & (pl.col("status") != FAILED)
    )
    new = ads.join(known, on="key", how="anti").sort((pl.col("ai_score") - 0.5).abs(), "key")
    todo = new.head(request.limit) if request.limit is not None else new
    rules = contacts.compile_contacts(dataset.codebook)
    size = int(asked["max_chars"])
    shown = [contacts.strip(todo[c], rules).fill_null("").str.slice(0, size).to_list() for c in ("title", "text")]
    messages = [json.dumps({"title": t, "text": x}, ensure_ascii=False) for t, x in zip(*shown)]
    tokens_in = sum(tokens(m) for m in messages) + len(messages) * (tokens(asked["system"]) + 10)
    tokens_out = len(messages) * 12
    cost = None
    if request.price_in is not None and request.price_out is not None:
        cost = (tokens_in * request.price_in + tokens_out * request.price_out) / 1e6
    return Plan(
        todo.select("key", "ad_id").with_columns(message=pl.Series(messages, dtype=pl.String)),
        ads.height, ads.height - new.height, tokens_in, tokens_out, cost, prompt,
        asked["system"].strip(), int(asked["max_answer_tokens"]),
    )  # fmt: skip


def tokens(text: str) -> int:
    """An estimate: one token for each character beyond ASCII, one for four characters of ASCII."""
    wide = sum(c > "\x7f" for c in text)
    return wide + (len(text) - wide + 3) // 4


def verdict(content: object) -> str | None:
    """The tier of an answer that is exactly {"tier": one of AI_TIERS} (a code fence around it is let pass), else None."""
    if not isinstance(content, str):
        return None
    fenced = FENCE.fullmatch(content)
    try:
        said = json.loads(fenced[1] if fenced else content)
    except (ValueError, RecursionError):
        return None
    if isinstance(said, dict) and set(said) == {"tier"} and said["tier"] in AI_TIERS:
        return str(said["tier"])
    return None


def _body(client: httpx.Client, url: str, payload: dict[str, Any], timeout: float) -> tuple[int, bytes, float]:
    """(status, bytes, seconds that the server asks to wait).

    Raises:
        TimeoutError: the whole answer took longer than `timeout`.
        OverflowError: it is larger than MAX_ANSWER_BYTES.
    """
    end = time.monotonic() + timeout
    data = bytearray()
    with client.stream("POST", url, json=payload) as r:
        wait = r.headers.get("retry-after", "")
        for piece in r.iter_bytes():
            data += piece
            if len(data) > MAX_ANSWER_BYTES:
                raise OverflowError
            if time.monotonic() > end:
                raise TimeoutError
        return r.status_code, bytes(data), min(30.0, float(wait)) if wait.isdigit() else 1.0


def ask(client: httpx.Client, url: str, request: Request, task: Plan, message: str) -> dict[str, object]:
    """One answer as the ledger's columns status, tier, detail, tokens_in, tokens_out.

    Raises:
        OpinionError: the endpoint refuses the key, the address or the model: asking on would be of no use.
    """
    import httpx

    payload = {
        "model": request.model,
        "messages": [{"role": "system", "content": task.system}, {"role": "user", "content": message}],
        "temperature": 0,
        "max_tokens": task.max_answer_tokens,
    }
    detail = ""
    for attempt in range(TRIES):
        wait = 1.0
        try:
            code, data, wait = _body(client, url, payload, request.timeout)
        except (httpx.TimeoutException, TimeoutError):
            detail = "timeout"
        except OverflowError:
            return {"status": FAILED, "detail": "answer_too_large"}
        except httpx.HTTPError as e:
            detail = f"no_connection: {type(e).__name__}"
        else:
            if code in (401, 403, 404):
                raise OpinionError(f"{request.endpoint} answered {code}: check the key, the address and --model")
            if code == 200:
                return _read(data)
            detail = f"http_{code}"
            if code != 429 and code < 500:
                break
        if attempt + 1 < TRIES:
            time.sleep(wait)
    return {"status": FAILED, "detail": detail}


def _read(data: bytes) -> dict[str, object]:
    try:
        whole = json.loads(data)
        content = whole["choices"][0]["message"]["content"]
        used = whole.get("usage") or {}
        counts = {f"tokens_{s}": _count(used.get(f"{n}_tokens")) for s, n in (("in", "prompt"), ("out", "completion"))}
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return {"status": FAILED, "detail": "not_the_protocol"}
    tier = verdict(content)
    if tier is None:
        return {"status": REFUSED, "detail": "outside_the_vocabulary", **counts}
    return {"status": ANSWERED, "tier": tier, **counts}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40 else None


def run(directory: Path, request: Request, task: Plan, key: str | None) -> Iterator[dict[str, object]]:
    """Ask about every ad of the plan and write each line of the ledger as it comes, in the plan's order.

    Raises:
        OpinionError: httpx is missing, the endpoint refuses, or IN_A_ROW requests failed one after the other.
    """
    try:
        import httpx
    except ImportError:
        raise OpinionError("asking needs httpx: pip install '.[llm]' in the clone") from None
    url = address(request.endpoint)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    failed = 0
    with (
        locked(directory),
        httpx.Client(headers=headers, timeout=request.timeout, follow_redirects=False) as client,
        ThreadPoolExecutor(request.jobs, thread_name_prefix="gangwei-ask") as pool,
    ):
        rows = task.ads.rows(named=True)
        for at in range(0, len(rows), request.jobs):
            part = rows[at : at + request.jobs]
            for row, answer in zip(part, pool.map(lambda r: ask(client, url, request, task, r["message"]), part)):
                line = {
                    "key": row["key"], "ad_id": row["ad_id"], "low": request.band[0], "high": request.band[1],
                    "model": request.model, "prompt": task.prompt, **answer,
                }  # fmt: skip
                opinions.append(directory / opinions.LEDGER, [line])
                yield line
                failed = failed + 1 if answer["status"] == FAILED else 0
                if failed >= IN_A_ROW:
                    raise OpinionError(f"{failed} requests failed one after the other ({answer['detail']}); stopped")
