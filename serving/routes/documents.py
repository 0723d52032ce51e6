"""What the OpenAPI document says of bodies and query parameters, which are not left to the framework to parse."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from mutualist.serving.http.problems import documented
from mutualist.serving.schemas.examples import CSV, Examples
from mutualist.serving.schemas.requests import SidesOptions, TableOptions
from mutualist.serving.tables.forms import Form

ESTIMATING = documented(401, 408, 413, 415, 422, 429, 503)

_COLUMNS = {
    "type": "object",
    "description": "Columns by name, all of one length, of numbers or of texts (categories); null is missing.",
    "minProperties": 1,
    "additionalProperties": {"type": "array", "minItems": 4, "items": {"type": ["number", "string", "null"]}},
}
_NAMES = {"type": "array", "minItems": 1, "items": {"type": "string"}}

# Not a parameter of the functions: the framework would document a 422 of its own, which no text can cause.
JOB_ID = {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]}


def json_body(model: type[BaseModel], examples: Examples) -> dict[str, Any]:
    """A JSON body that `model` describes."""
    content = {"application/json": {"schema": model.model_json_schema(), "examples": examples}}
    return {"requestBody": {"required": True, "content": content}}


def table_body(model: type[TableOptions], examples: Examples, csv_query: dict[str, Any]) -> dict[str, Any]:
    """A table in the body, options beside it or in the query.

    Args:
        model: the options.
        examples: of JSON bodies.
        csv_query: parameters that go with the example of CSV.
    """
    schema = model.model_json_schema()
    schema["properties"] = {"columns": _COLUMNS} | schema["properties"]
    schema["required"] = ["columns", *schema.get("required", [])]
    schema["description"] = "A table, and how it is to be used."
    content: dict[str, Any] = {Form.JSON.value: {"schema": schema, "examples": examples}}
    csv = {"summary": f"With the query {csv_query}" if csv_query else "A header and rows of numbers", "value": CSV}
    content[Form.CSV.value] = {"schema": {"type": "string"}, "examples": {"csv": csv}}
    for form in (Form.PARQUET, Form.ARROW_STREAM, Form.ARROW_FILE):
        content[form.value] = {"schema": {"type": "string", "format": "binary"}}
    return {"requestBody": {"required": True, "content": content}, "parameters": _parameters(model)}


def ask_for_keys(app: FastAPI) -> None:
    """Says in the document that everything under /v1 needs an API key."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    operation["security"] = [{"key": []}] if path.startswith("/v1/") else []
        return plain()

    app.openapi = openapi  # type: ignore[method-assign]


def _parameters(model: type[TableOptions]) -> list[dict[str, Any]]:
    parameters = []
    for name, schema in model.model_json_schema()["properties"].items():
        schema = {key: value for key, value in schema.items() if key not in ("title", "default")}
        parameters.append(_parameter(name, schema))
    if not issubclass(model, SidesOptions):
        described = {**_NAMES, "description": "Names of the columns to use; all of numbers or categories if absent."}
        parameters.append(_parameter("columns", described))
    return parameters


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": "query", "required": False}
    parameter["description"] = schema.pop("description", "") + " Either here or in a JSON body, not in both."
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": False}  # a,b,c
    return parameter | {"schema": schema}
