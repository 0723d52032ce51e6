"""What is answered."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from mutualist.result import Unit

Matrix = list[list[float | None]]


class Interval(BaseModel):
    """The central interval."""

    level: float
    low: float
    high: float


class Quantile(BaseModel):
    """The value that the mutual information stays below with probability `level`."""

    level: float
    value: float


class ModelName(BaseModel):
    """Which weights made the answer."""

    name: str
    version: str


class EstimateResponse(BaseModel):
    """The estimated mutual information of x and y."""

    mi: float = Field(description="The estimate: the median.")
    unit: Unit
    interval: Interval
    quantiles: list[Quantile]
    n: int = Field(description="Number of rows.")
    dx: int = Field(description="Number of columns of x.")
    dy: int = Field(description="Number of columns of y.")
    warnings: list[str] = Field(description="What a reader of the numbers should know.")
    model: ModelName
    strangeness: float | None = Field(
        description="Share of known samples that lie closer to their neighbours than this one: near 1 means unusual."
    )
    expected_error: float | None = Field(
        description="Mean absolute error, in `unit`, of estimates for samples in which the network sees the like."
    )


class BatchResponse(BaseModel):
    """The estimates, in the order of the pairs."""

    results: list[EstimateResponse]


class TableEstimateResponse(EstimateResponse):
    """The estimated mutual information of two groups of columns."""

    x: list[str] = Field(description="Names of the columns of X.")
    y: list[str] = Field(description="Names of the columns of Y.")


class QuantileMatrix(BaseModel):
    """The values that the mutual information of each pair stays below with probability `level`."""

    level: float
    values: Matrix


class PairWarning(BaseModel):
    """What the estimator said of some pairs, each given by its two places in `names`."""

    warning: str
    pairs: list[tuple[int, int]]


class PairwiseResponse(BaseModel):
    """Estimates for all pairs of columns: symmetric matrices in the order of `names`, null on the diagonal."""

    unit: Unit
    level: float = Field(description="Probability of the intervals.")
    n: int = Field(description="Number of rows.")
    names: list[str]
    mi: Matrix = Field(description="The estimates: medians.")
    low: Matrix
    high: Matrix
    quantiles: list[QuantileMatrix]
    warnings: list[str] = Field(description="What a reader of the numbers should know.")
    pair_warnings: list[PairWarning]
    model: ModelName


class Progress(BaseModel):
    """Pairs."""

    done: int
    total: int


class JobResponse(BaseModel):
    """A job: where it stands."""

    id: str
    kind: Literal["pairwise"]
    state: Literal["queued", "running", "done", "failed"]
    progress: Progress
    created: str = Field(description="Time in UTC, ISO 8601.")
    updated: str = Field(description="Time in UTC, ISO 8601.")
    error: str | None = Field(description="Why it failed.")


class Coverage(BaseModel):
    """How often intervals held the true value, on test data of one range of sizes."""

    range: str = Field(description="Such as 100-300.")
    records: int
    cover50: float
    cover90: float


class CoverageTables(BaseModel):
    """Coverage by the number of rows, and by the number of columns of both sides together."""

    n: list[Coverage]
    d: list[Coverage]


class ModelResponse(BaseModel):
    """The weights: what they were trained on, and how well they do."""

    name: str
    version: str
    levels: list[float] = Field(description="Levels of the network's own quantiles.")
    meta_distribution: dict[str, Any] = Field(description="Ranges and families of the training data.")
    coverage: CoverageTables
    metrics: dict[str, Any] = Field(description="Accuracy and coverage measured at export.")
    versions: dict[str, Any] = Field(description="Versions of the libraries that made the export, and of this service.")
    limits: dict[str, float] = Field(description="Limits of this service for one request.")


class Status(BaseModel):
    """The service answers."""

    status: Literal["ok"]


class FieldError(BaseModel):
    """A field of the request that cannot be used."""

    field: str
    message: str


class Problem(BaseModel):
    """What is wrong with a request, and what to change (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="What came, what was expected, what to do.")
    errors: list[FieldError] = Field(default=[], description="One entry for each field that is wrong.")
    request_id: str | None = None
