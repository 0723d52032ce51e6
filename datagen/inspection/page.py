"""The HTML of `mutualist datagen report`: one file, its pictures inside, no script, nothing fetched."""

import base64
from dataclasses import dataclass
from html import escape
from typing import Any

import yaml

from mutualist.datagen.inspection.label_checks import MOST_COLUMNS, MOST_NATS, ROWS, LabelCheck

_STYLE = """
:root { color-scheme: light }
body { margin: 0; background: #fff; color: #1B2733; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif }
main { max-width: 1080px; margin: 0 auto; padding: 2.2rem 1.4rem 4rem }
h1 { font-size: 1.7rem; margin: 0 0 .2rem } h2 { font-size: 1.2rem; margin: 2.6rem 0 .3rem }
p { margin: .3rem 0 .8rem; max-width: 46rem; color: #3b4a54 }
code { font: .88em ui-monospace, Menlo, Consolas, monospace; background: #f2f5f7; padding: .1em .3em }
img { max-width: 100%; height: auto; display: block; margin: .4rem 0 }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: .7rem; margin: 1.4rem 0 }
dl div { border: 1px solid #E3E7EA; border-radius: 8px; padding: .6rem .8rem }
dt { font-size: .8rem; color: #5B6770; line-height: 1.3 } dd { margin: 0; font-size: 1.25rem; font-weight: 600 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; margin: .4rem 0 1rem }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #E3E7EA; text-align: right; white-space: nowrap }
th { color: #5B6770; font-weight: 600 } th:first-child, td:first-child { text-align: left }
pre { background: #f6f8f9; padding: 1rem; overflow-x: auto; font-size: .82rem; border-radius: 8px }
summary { cursor: pointer; color: #0072B2 } .note { color: #A03F00 }
"""


@dataclass(frozen=True)
class Content:
    """All that the page shows; pictures are PNG bytes, None where there is nothing to draw."""

    place: str  # path or URI
    manifest: dict[str, Any]
    facts: list[tuple[str, str]]
    splits: list[list[str]]
    transforms: dict[str, float]
    checks: list[LabelCheck]
    versions_changed: dict[str, tuple[str, str]]
    mi_law: bytes
    coverage: bytes
    families: bytes
    singles: bytes | None
    wide: bytes | None
    label_checks: bytes | None


def render_page(content: Content) -> str:
    """The page as text."""
    name = escape(content.place.partition("?")[0].rstrip("/").rpartition("/")[2])
    facts = "".join(f"<div><dd>{escape(v)}</dd><dt>{escape(what)}</dt></div>" for v, what in content.facts)
    sections = [
        _section("The law of mutual information", "Share of records by the MI of the distribution that they were "
                 "sampled from; the first bar of the histogram holds all that lies below its end. Exact zeros stand "
                 "apart, for a logarithmic axis has no place for them.",
                 _image(content.mi_law, "Histogram of the mutual information of all records")),
        _section("Coverage", "How many records there are for each number of rows and columns, and how MI and "
                 "dimension go together. White is none.",
                 _image(content.coverage, "Maps of the number of records by n, dx, dy and MI")),
        _section("Families", "The family of a record is that of its first block; others may stand beside it, and its "
                 "columns may have been transformed.",
                 _image(content.families, "Share of each family, and its range of MI")),
        _section("Transforms", "Share of records that each was applied to. All of them keep the MI.",
                 _table(["transform", "records"], [[t, f"{s:.1%}"] for t, s in content.transforms.items()])),
        _examples("One column each", "Records as they are stored; axes end where the tails do.", content.singles),
        _examples("First columns of wider records", "The first column of X (across) and of Y (up) of records with "
                  "more. The MI is that of all columns together: one pair may show little of it, or nothing.",
                  content.wide),
        _label_checks(content),
        _files(content),
        _origin(content),
    ]  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}: a meta-dataset</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{name}</h1><p>A meta-dataset: samples of joint distributions whose mutual information (MI) is known. "
        f"In <code>{escape(content.place)}</code>.</p><dl>{facts}</dl>"
        f"{''.join(sections)}</main></body></html>\n"
    )


def _label_checks(content: Content) -> str:
    title = "Labels against nearest neighbours"
    if content.label_checks is None:
        return _section(title, "No label was checked.", "")
    wrong = [c for c in content.checks if not c.agrees]
    text = (
        f"{len(content.checks)} records were drawn at random, evenly over the families, of those with exact labels, "
        f"at most {MOST_COLUMNS} columns in all and at most {MOST_NATS:g} nats (1 × 1; less for more columns). "
        f"Each one's distribution was made again from its seed path, {ROWS:,} rows were sampled from it before any "
        "transform, and their MI was estimated by nearest neighbours (Kraskov et al. 2004). "
        "Grey bars: where the estimate may lie. It falls short where distributions are sharp and columns many; "
        "the bars reach further down there, by as much as the estimate still rises with the number of rows."
    )
    if not wrong:
        after = f"<p>All {len(content.checks)} lie within their range.</p>"
    else:
        rows = [
            [c.family, f"{c.dx} × {c.dy}", f"{c.mi:.3f}", f"{c.estimate:.3f}",
             f"{c.mi - c.tolerance[0]:.3f} to {c.mi + c.tolerance[1]:.3f}", f"--split {c.split} --id {c.id}"]
            for c in wrong
        ]  # fmt: skip
        after = (
            f'<p class="note">{len(wrong)} of {len(content.checks)} lie outside. Either the label is wrong, or nearest '
            "neighbours are not up to this distribution: look at the records with <code>mutualist datagen show</code>."
            "</p>" + _table(["family", "dx × dy", "label", "estimate", "allowed (nats)", "record"], rows)
        )
    return _section(title, text, _image(content.label_checks, "Labels against nearest-neighbour estimates") + after)


def _files(content: Content) -> str:
    head = ["split", "records", "shards", "MiB", "MiB a shard", "KiB a record", "MI = 0", "Monte Carlo", "dropped"]
    dropped = sum(s["dropped"] for s in content.manifest["splits"].values())
    said = (
        "No record was dropped: each one drawn is stored."
        if not dropped
        else f"{dropped} records were dropped. Nothing in this version drops records: another program wrote this."
    )
    text = f"Every shard has the SHA-256 that the manifest lists; it was compared for this page. {said}"
    return _section("Files", text, _table(head, content.splits))


def _origin(content: Content) -> str:
    changed = content.versions_changed
    rows = [
        [name, then, changed[name][1] if name in changed else "the same"]
        for name, then in content.manifest["versions"].items()
        if name != "python"
    ]
    rows.insert(0, ["python", content.manifest["versions"].get("python", "unknown"), ""])
    config = escape(yaml.safe_dump(content.manifest["config"], sort_keys=False, width=110))
    return _section(
        "Origin",
        "With these versions and this configuration the same bytes come out again; "
        "<code>mutualist datagen show DIR --id …</code> proves it for any record.",
        _table(["package", "made with", "now"], rows)
        + f"<p>SHA-256 of the configuration: <code>{escape(content.manifest['config_sha256'])}</code></p>"
        + f"<details><summary>The configuration</summary><pre>{config}</pre></details>",
    )


def _examples(title: str, text: str, picture: bytes | None) -> str:
    if picture is None:
        return ""
    return _section(
        f"Examples: {title[0].lower()}{title[1:]}", text, _image(picture, f"Scatter plots, {title.lower()}")
    )


def _section(title: str, text: str, body: str) -> str:
    """`text` and `body` are HTML of this module's making."""
    return f"<section><h2>{title}</h2><p>{text}</p>{body}</section>"


def _image(png: bytes, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _table(head: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(v))}</td>" for v in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{top}</tr>{body}</table></div>'
