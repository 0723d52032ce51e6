"""The forms in which a table comes, by content type."""

from enum import Enum

from mutualist.serving.http.problems import Refusal


class Form(Enum):
    """How the body holds the table."""

    JSON = "application/json"
    CSV = "text/csv"
    PARQUET = "application/vnd.apache.parquet"
    ARROW_STREAM = "application/vnd.apache.arrow.stream"
    ARROW_FILE = "application/vnd.apache.arrow.file"

    @property
    def words(self) -> str:
        """For messages."""
        return {"JSON": "JSON", "CSV": "CSV", "PARQUET": "Parquet"}.get(self.name, "Arrow IPC")


def form_of(media_type: str) -> Form:
    """The form that a content type names; Refusal 415 for an unknown one."""
    try:
        return Form(media_type)
    except ValueError:
        known = ", ".join(form.value for form in Form)
        raise Refusal(415, f"the Content-Type is none that is read here; send one of: {known}") from None
