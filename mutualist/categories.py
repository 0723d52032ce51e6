"""Columns of text as categories: a number for each different text, and what is said where there are too many."""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mutualist.errors import InputError

# Categories of a column with few rows each, and with `ROWS_EACH` on average. The estimator takes columns of more values
# for continuous ones (`MOST` and `MIXED` of models.kinds, which counts values of two rows and more).
MOST = 32, 128
ROWS_EACH = 4
_NUMBER = r"[ \t]*[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf(inity)?|nan)[ \t]*"


class UnusableColumnError(InputError):
    """A column that cannot be used; the message, after the name of the column, says why and what to do about it."""


@dataclass(frozen=True)
class Texts:
    """The texts of a column.

    Attributes:
        different: the k different ones, without space around them, in no order; neither empty nor null.
        counts: shape (k,), how many of the rows hold each.
        place: shape (n,), of each row's text among `different`; -1 where it is missing.
    """

    different: pa.LargeStringArray
    counts: NDArray[np.int64]
    place: NDArray[np.int64]


def is_text(kind: pa.DataType) -> bool:
    """Whether values of this type are text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_number(text: str) -> bool:
    """Whether `text` reads as a number."""
    return re.fullmatch(_NUMBER, text, re.IGNORECASE | re.ASCII) is not None


def categories(column: pa.ChunkedArray, omit: str, show: bool) -> tuple[NDArray[np.float64], int]:
    """The code of each row's text, and how many categories there are.

    The codes count from 0 in the order of the texts, by code points, so that they do not depend on the order of rows.

    Args:
        column: text, or a dictionary of it, of n > 0 rows; null and empty texts are missing.
        omit: how the caller asks for rows with gaps to be left out, for messages.
        show: whether messages may show some of the texts.

    Returns:
        Codes, shape (n,), NaN where the text is missing; and k, 0 where all are.

    Raises:
        UnusableColumnError: too many different texts, hardly any that rows share, or numbers with a few other texts.
    """
    try:
        texts = _texts(column)
    except pa.ArrowInvalid:
        raise UnusableColumnError("is not UTF-8 text; save the file as UTF-8") from None
    k = len(texts.different)
    odd = np.flatnonzero(~np.asarray(pc.match_substring_regex(texts.different, f"^{_NUMBER}$", ignore_case=True)))
    if 0 < len(odd) < k / 2:
        raise UnusableColumnError(
            f"has {int(texts.counts[odd].sum()):,} of {len(column):,} values that are not numbers"
            f"{_examples(texts, odd, show)}; leave these cells empty and add {omit}",
        )
    shared = texts.counts[texts.counts > 1]
    alone = k - len(shared)
    thin = len(shared) > MOST[0] and shared.sum() < ROWS_EACH * len(shared)
    if k > MOST[0] and not len(odd):
        raise UnusableColumnError("holds numbers written as text; convert it to a numeric type")
    why = ""
    if k > MOST[1]:
        why = f"categories are at most {MOST[1]}"
    elif thin:
        why = f"more than {MOST[0]} take at least {ROWS_EACH} rows each on average"
    elif 2 * alone > texts.counts.sum():
        why = f"{alone:,} of them in one row only"
    if why:
        raise UnusableColumnError(
            f"has {k:,} different texts{_examples(texts, np.arange(k), show)}, and {why}; group the rare ones, or "
            "encode it as numbers"
        )
    code = np.full(k + 1, np.nan)  # the last is that of what is missing
    code[np.asarray(pc.sort_indices(texts.different))] = np.arange(k)
    return code[texts.place], k


def _texts(column: pa.ChunkedArray) -> Texts:
    held, place = _held(column)
    trimmed = pc.utf8_trim_whitespace(held).dictionary_encode()
    entry = np.append(_numbers(trimmed.indices), -1)
    place = entry[place]
    empty = pc.index(trimmed.dictionary, "").as_py()
    place[place == empty] = -1  # without an empty text, `empty` is -1 as well
    counts = np.bincount(place[place >= 0], minlength=len(trimmed.dictionary))
    used = np.flatnonzero(counts)
    again = np.full(len(counts) + 1, -1)
    again[used] = np.arange(len(used))
    return Texts(trimmed.dictionary.take(pa.array(used)), counts[used], again[place])


def _held(column: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    """Texts, of which some may be equal, and the place among them of each row's, -1 where it is missing.

    Rows are never spelt out: a dictionary may be small, and its rows all together larger than the memory. Chunks may
    have dictionaries of their own, with more in them than their rows use.
    """
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.large_string()).dictionary_encode()  # one dictionary for all chunks
        return column.chunk(0).dictionary, np.concatenate([_numbers(chunk.indices) for chunk in column.chunks])
    parts, places, start = [], [], 0
    for chunk in column.chunks:
        place = _numbers(chunk.indices)
        used, again = np.unique(place[place >= 0], return_inverse=True)
        place[place >= 0] = start + again
        parts.append(chunk.dictionary.cast(pa.large_string()).take(pa.array(used)))
        places.append(place)
        start += len(used)
    return pa.concat_arrays(parts), np.concatenate(places)


def _numbers(indices: pa.Array) -> NDArray[np.int64]:
    return np.array(indices.cast(pa.int64()).fill_null(-1))


def _examples(texts: Texts, which: NDArray[np.int64], show: bool) -> str:
    """The most frequent of these texts, in brackets."""
    if not show:
        return ""
    most = which[np.argsort(-texts.counts[which], kind="stable")[:3]]
    return f" (for instance {', '.join(repr(text[:24]) for text in texts.different.take(pa.array(most)).to_pylist())})"
