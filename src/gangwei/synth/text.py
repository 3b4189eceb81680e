"""The assembler: ad texts and short strings are copied from byte fragments, ad by ad, from counter-based hashes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from gangwei.synth.words import GLUE, Words

I64 = npt.NDArray[np.int64]

G = {g: i for i, g in enumerate(GLUE)}
_NEWLINE, _SEMI, _STOP, _COMMA, _LIST = G["\n"], G["；"], G["。"], G["，"], G["、"]
LAYOUTS = 8
HTML_LAYOUTS = (3, 4, 5)
# item before, number, after number, after item; heading before, heading after; block end
LAYOUT_TABLE = np.array(
    [
        [0, 1, _LIST, _SEMI, _NEWLINE, 0, _NEWLINE, 0],
        [0, 1, G[". "], 0, _NEWLINE, 0, _NEWLINE, 0],
        [0, 0, G["- "], 0, _NEWLINE, 0, _NEWLINE, 0],
        [0, 1, _LIST, _SEMI, G["<br>"], 0, G["<br>"], 0],
        [G["<p>"], 1, G[". "], _STOP, G["</p>"], G["<p>"], G["</p>"], G["&nbsp;&nbsp;"]],
        [G["<li>"], 0, 0, 0, G["</li>"], G['<div class="job"><strong>'], G["</strong><ul>"], G["</ul></div>"]],
        [0, 1, G["."], _SEMI, 0, 0, 0, 0],
        [0, 1, _LIST, _STOP, _NEWLINE, 0, _NEWLINE, _NEWLINE],
    ],
    np.int64,
)

(
    FAM, DUTY, NEED, EMPLOYER, EDIT, CONTACT, LAYOUT, FURNITURE, TITLE, USER, TRAP, DEFENCE, BLURB_AI, LEAD, STOCK,
    ENGLISH, TRADITIONAL, ML, BLURB_DEFENCE, N_PARAMETERS,
) = range(20)  # fmt: skip

LIST_NAMES = (
    "glue", "verbs", "domains", "links", "purposes", "needs_general", "benefits", "blurb_open", "blurb_mid", "blurb_end",
    "blurb_ai", "blurb_defence", "need_defence", "need_user", "contact_person", "contact_lead", "agency_lead", "stock",
    "furniture_other", "head_duties", "head_needs", "head_benefits", "head_blurb", "digits", "numbers", "english_duties",
    "english_ml", "english_needs", "english_blurb",
)  # fmt: skip
(
    _GLUE, _VERBS, _DOMAINS, _LINKS, _PURPOSES, _GENERAL, _BENEFITS, _OPEN, _MID, _END, _AI, _ARMS, _NEED_ARMS, _NEED_USER,
    _PERSON, _LEAD, _AGENCY, _STOCK, _PAGE, _HEAD_D, _HEAD_N, _HEAD_B, _HEAD_C, _DIGITS, _NUMBERS, _EN_DUTY, _EN_ML, _EN_NEED,
    _EN_BLURB,
) = range(len(LIST_NAMES))  # fmt: skip
_JOB, _KEY, _SHARE, _SPACE = G["职能类别："], G["关键字："], G["微信分享"], G[" "]
_M142, _M160, _CHAT, _HR, _MAIL = G["142"], G["160"], G["gwdemo"], G["hr"], G["@example.com"]
_EN_D, _EN_R, _EN_B = G["Responsibilities:\n"], G["Requirements:\n"], G["About us: "]


def list_table(words: Words) -> I64:
    """int64 [n_lists, 2]: first fragment and count of the lists that the assembler uses, in the order of LIST_NAMES."""
    return np.array([words.lists[n] for n in LIST_NAMES], np.int64)


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def mix(seed: Any, k: Any) -> Any:
    """One 64-bit hash of (seed, counter): splitmix64."""
    z = np.uint64(seed) + np.uint64(k + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def below(seed: Any, k: Any, n: Any) -> Any:
    """A number in 0..n-1."""
    return np.int64(((mix(seed, k) >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _pick(lists: Any, which: Any, seed: Any, k: Any) -> Any:
    return lists[which, 0] + below(seed, k, lists[which, 1])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _items(ids: Any, n: Any, p: Any, lists: Any, fam: Any, layout: Any, glue: Any) -> Any:
    """Duties and needs blocks."""
    f = p[FAM]
    duty, need, edit = np.uint64(p[DUTY]), np.uint64(p[NEED]), np.uint64(p[EDIT])
    n_duties = 6 + below(duty, 0, 3)
    row = layout
    ids[n], ids[n + 1], ids[n + 2] = glue + row[5], _pick(lists, _HEAD_D, duty, 1), glue + row[6]
    n += 3
    offset = below(duty, 2, fam[f, 3])
    changed = below(edit, 0, n_duties) if edit else -1
    for i in range(n_duties):
        seed = mix(edit, 77) if i == changed else duty
        ids[n] = glue + row[0]
        n += 1
        if row[1]:
            ids[n] = lists[_NUMBERS, 0] + i
            n += 1
        ids[n] = glue + row[2]
        ids[n + 1] = _pick(lists, _VERBS, seed, 10 + i)
        n += 2
        if below(seed, 60 + i, 4) < 3:
            ids[n] = _pick(lists, _DOMAINS, seed, 20 + i)
            ids[n + 1] = _pick(lists, _LINKS, seed, 30 + i)
            n += 2
        ids[n] = fam[f, 2] + (offset + i) % fam[f, 3]
        ids[n + 1] = glue + _COMMA
        ids[n + 2] = _pick(lists, _PURPOSES, seed, 40 + i)
        ids[n + 3], ids[n + 4] = glue + row[3], glue + row[4]
        n += 5
    ids[n] = glue + row[7]
    ids[n + 1], ids[n + 2], ids[n + 3] = glue + row[5], _pick(lists, _HEAD_N, duty, 1), glue + row[6]
    n += 4
    n_needs = 4 + below(need, 0, 4)
    offset = below(need, 1, fam[f, 5])
    number = 0
    for i in range(n_needs + 5):
        if i < n_needs:
            word = fam[f, 4] + (offset + i) % fam[f, 5]
        elif i == n_needs:
            word = _pick(lists, _GENERAL, need, 2)
        elif i == n_needs + 1:
            word = lists[_NEED_USER, 0] + p[USER] if p[USER] >= 0 else -1
        elif i == n_needs + 2:
            word = fam[f, 6] + p[TRAP] if p[TRAP] >= 0 else -1
        elif i == n_needs + 3:
            word = lists[_NEED_ARMS, 0] + p[DEFENCE] if p[DEFENCE] >= 0 else -1
        else:
            word = _pick(lists, _GENERAL, edit, 3) if edit else -1
        if word < 0:
            continue
        ids[n] = glue + row[0]
        n += 1
        if row[1]:
            ids[n] = lists[_NUMBERS, 0] + number
            n += 1
        ids[n], ids[n + 1], ids[n + 2], ids[n + 3] = glue + row[2], word, glue + row[3], glue + row[4]
        n += 4
        number += 1
    ids[n] = glue + row[7]
    return n + 1


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _boilerplate(ids: Any, n: Any, p: Any, lists: Any, row: Any, glue: Any) -> Any:
    """Benefits and company blurb: the same for all ads of an employer."""
    e = np.uint64(p[EMPLOYER])
    duty = np.uint64(p[DUTY])
    ids[n], ids[n + 1], ids[n + 2] = glue + row[5], _pick(lists, _HEAD_B, duty, 1), glue + row[6]
    ids[n + 3] = glue + row[0]
    n += 4
    start, count = below(e, 1, lists[_BENEFITS, 1]), 5 + below(e, 2, 6)
    for i in range(count):
        ids[n] = lists[_BENEFITS, 0] + (start + i * 3) % lists[_BENEFITS, 1]
        ids[n + 1] = glue + (_LIST if i + 1 < count else _STOP)
        n += 2
    ids[n], ids[n + 1] = glue + row[4], glue + row[7]
    n += 2
    if below(e, 3, 10) < 8 or p[BLURB_AI] or p[BLURB_DEFENCE]:
        ids[n], ids[n + 1], ids[n + 2] = glue + row[5], _pick(lists, _HEAD_C, duty, 1), glue + row[6]
        ids[n + 3], ids[n + 4] = glue + row[0], _pick(lists, _OPEN, e, 4)
        n += 5
        if p[BLURB_AI]:
            ids[n] = _pick(lists, _AI, e, 5)
            n += 1
        if p[BLURB_DEFENCE]:
            ids[n] = _pick(lists, _ARMS, e, 6)
            n += 1
        ids[n], ids[n + 1], ids[n + 2] = _pick(lists, _MID, e, 7), _pick(lists, _END, e, 8), _pick(lists, _END, e, 9)
        ids[n + 3], ids[n + 4] = glue + row[4], glue + row[7]
        n += 5
    return n


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _contact(ids: Any, n: Any, seed: Any, lists: Any, glue: Any) -> Any:
    """A contact line: an invented number of an unassigned range, chat id or mail."""
    ids[n] = glue + _NEWLINE
    kind = below(seed, 0, 4)
    digits = lists[_DIGITS, 0]
    if kind < 2:
        ids[n + 1] = lists[_LEAD, 0] + (0 if kind == 0 else 5)
        ids[n + 2] = glue + (_M142 if below(seed, 1, 2) else _M160)
        for i in range(4):
            ids[n + 3 + i] = digits + below(seed, 2 + i, 100)
        ids[n + 7], ids[n + 8] = glue + _SPACE, _pick(lists, _PERSON, seed, 9)
        return n + 9
    ids[n + 1] = lists[_LEAD, 0] + (4 if kind == 2 else 3)
    ids[n + 2] = glue + (_CHAT if kind == 2 else _HR)
    ids[n + 3], ids[n + 4] = digits + below(seed, 2, 100), digits + below(seed, 3, 100)
    ids[n + 5] = glue + (_MAIL if kind == 3 else 0)
    return n + 6


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _english(ids: Any, n: Any, p: Any, lists: Any, glue: Any) -> Any:
    duty, need, e = np.uint64(p[DUTY]), np.uint64(p[NEED]), np.uint64(p[EMPLOYER])
    ids[n] = glue + _EN_D
    n += 1
    for i in range(7):
        which = _EN_ML if p[ML] and i < 3 else _EN_DUTY
        ids[n] = lists[which, 0] + (below(duty, 1, lists[which, 1]) + i * 7) % lists[which, 1]
        ids[n + 1] = glue + _NEWLINE
        n += 2
    ids[n] = glue + _EN_R
    n += 1
    for i in range(5):
        ids[n] = lists[_EN_NEED, 0] + (below(need, 1, lists[_EN_NEED, 1]) + i) % lists[_EN_NEED, 1]
        ids[n + 1] = glue + _NEWLINE
        n += 2
    ids[n], ids[n + 1], ids[n + 2] = glue + _EN_B, _pick(lists, _EN_BLURB, e, 1), glue + _NEWLINE
    return n + 3


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def texts(
    parameters: Any, lists: Any, fam: Any, layouts: Any, offsets: Any, data: Any, half: Any, out: Any, ends: Any
) -> Any:
    """Assemble one text per row of `parameters` (int64 [n, N_PARAMETERS]) into `out`.

    Returns:
        Bytes written, or -1 when `out` is too small; `ends` (int32 [n + 1]) receives the Arrow offsets.
    """
    ids = np.empty(400, np.int64)
    glue = lists[_GLUE, 0]
    at = 0
    ends[0] = 0
    for r in range(parameters.shape[0]):
        p = parameters[r]
        n = 0
        row = layouts[p[LAYOUT]]
        if p[LEAD] >= 0:
            ids[n] = lists[_AGENCY, 0] + p[LEAD]
            n += 1
        if p[STOCK] >= 0:
            ids[n] = lists[_STOCK, 0] + p[STOCK]
            n += 1
        elif p[ENGLISH]:
            n = _english(ids, n, p, lists, glue)
        else:
            n = _items(ids, n, p, lists, fam, row, glue)
            n = _boilerplate(ids, n, p, lists, row, glue)
        if p[CONTACT]:
            n = _contact(ids, n, np.uint64(p[CONTACT]), lists, glue)
        if p[FURNITURE] == 1:
            ids[n], ids[n + 1], ids[n + 2] = glue + _NEWLINE, glue + _JOB, p[TITLE]
            ids[n + 3], ids[n + 4] = glue + _KEY, _pick(lists, _DOMAINS, np.uint64(p[DUTY]), 90)
            ids[n + 5] = glue + _SHARE
            n += 6
        elif p[FURNITURE] == 2:
            ids[n], ids[n + 1] = glue + _NEWLINE, _pick(lists, _PAGE, np.uint64(p[LAYOUT]), 91)
            n += 2
        shift = half if p[TRADITIONAL] else 0
        at = _copy(ids, n, shift, offsets, data, out, at)
        if at < 0:
            return -1
        ends[r + 1] = at
    return at


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _copy(ids: Any, n: Any, shift: Any, offsets: Any, data: Any, out: Any, at: Any) -> Any:
    for i in range(n):
        f = ids[i] + shift
        a, b = offsets[f], offsets[f + 1]
        if at + (b - a) > out.shape[0]:
            return -1
        for k in range(a, b):
            out[at] = data[k]
            at += 1
    return at


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def joined(ids: Any, shifts: Any, offsets: Any, data: Any, out: Any, ends: Any) -> Any:
    """Short strings: row r is the fragments ids[r] (negative = nothing), shifted to Traditional where shifts[r] > 0."""
    at = 0
    ends[0] = 0
    buffer = np.empty(ids.shape[1], np.int64)
    for r in range(ids.shape[0]):
        n = 0
        for c in range(ids.shape[1]):
            if ids[r, c] >= 0:
                buffer[n] = ids[r, c]
                n += 1
        at = _copy(buffer, n, shifts[r], offsets, data, out, at)
        if at < 0:
            return -1
        ends[r + 1] = at
    return at
