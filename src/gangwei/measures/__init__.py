"""Every figure: what is asked, how it is estimated, and how sure it is."""

from gangwei.measures.answer import Measure, Result, load, measure, open_dataset
from gangwei.measures.behind import ads_behind, behind_query
from gangwei.measures.crossed import crossed
from gangwei.vocabulary import UnknownParameter

__all__ = [
    "Measure",
    "Result",
    "UnknownParameter",
    "ads_behind",
    "behind_query",
    "crossed",
    "load",
    "measure",
    "open_dataset",
]
