"""The errors that a user can mend: the command line shows their message in one line."""

from __future__ import annotations

from gangwei.checks import CheckError
from gangwei.codebook import DefinitionError
from gangwei.evaluate import EvaluateError
from gangwei.frame.check import DatasetError
from gangwei.pipeline import NothingPublished
from gangwei.second_opinion import OpinionError
from gangwei.stages.s1_read import ReadError
from gangwei.store import StoreError
from gangwei.train_ads import TrainError

MENDABLE = (
    CheckError,
    DefinitionError,
    DatasetError,
    EvaluateError,
    NothingPublished,
    OpinionError,
    ReadError,
    StoreError,
    TrainError,
)
