"""Every figure: what is asked, how it is estimated, and how sure it is."""

from gangwei.measures.answer import Measure, Result, ads_behind, behind_query, load, measure, open_dataset
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
