"""The HTML of `mutualist datagen report`: one file, its pictures inside, no script, nothing fetched."""

import base64
import re
from dataclasses import dataclass
from html import escape
from typing import Any

import yaml

from mutualist.datagen.inspection.label_checks import (
    AGAIN,
    DENSITIES,
    DENSITY_ROWS,
    FROM_ABOVE,
    METHODS,
    NEIGHBOURS,
    SIGMAS,
    LabelCheck,
)
from mutualist.datagen.inspection.neighbours import MOST_COLUMNS, ROWS, ROWS_WIDE

_STYLE = """
:root { color-scheme: light }
body { margin: 0; background: #fff; color: #1B2733; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif }
header { background: #F2F6F9; border-bottom: 1px solid #E3E7EA } header > div { max-width: 1080px; margin: 0 auto }
header > div { padding: 2.4rem 1.4rem 1.6rem }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; font-size: .92rem }
nav a { color: #0072B2; text-decoration: none }
nav a:hover { text-decoration: underline }
main { max-width: 1080px; margin: 0 auto; padding: 0 1.4rem 4rem }
h1 { font-size: 1.9rem; margin: 0 0 .2rem } h2 { font-size: 1.2rem; margin: 2.6rem 0 .3rem }
p { margin: .3rem 0 .8rem; max-width: 46rem; color: #3b4a54 }
code { font: .88em ui-monospace, Menlo, Consolas, monospace; background: #f2f5f7; padding: .1em .3em }
img { max-width: 100%; height: auto; display: block; margin: .4rem 0 }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: .7rem; margin: 1.4rem 0 }
dl div { background: #fff; border: 1px solid #E3E7EA; border-radius: 8px; padding: .6rem .8rem }
dt { font-size: .8rem; color: #5B6770; line-height: 1.3 }
dd { margin: 0; font-size: 1.25rem; font-weight: 600; white-space: nowrap }
.bar { display: inline-block; height: .7rem; background: #0072B2; border-radius: 2px; margin-right: .5rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; margin: .4rem 0 1rem }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #E3E7EA; text-align: right; white-space: nowrap }
th { color: #5B6770; font-weight: 600 } th:first-child, td:first-child { text-align: left }
.wrap td:last-child, .wrap th:last-child { text-align: left; white-space: normal; min-width: 22rem; color: #3b4a54 }
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
                 _bars(content.transforms)),
        _examples("One column each", "Records as they are stored; axes end where the tails do, and columns of few "
                  "values are spread.", content.singles),
        _examples("First columns of wider records", "The first column of X (across) and of Y (up) of records with "
                  "more. The MI is that of all columns together: one pair may show little of it, or nothing.",
                  content.wide),
        _label_checks(content),
        _files(content),
        _origin(content),
    ]  # fmt: skip
    links = "".join(f'<a href="#{anchor}">{title}</a>' for anchor, title in _headings(sections))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}: a meta-dataset</title><style>{_STYLE}</style></head><body><header><div>"
        f"<h1>{name}</h1><p>A meta-dataset: samples of joint distributions whose mutual information (MI) is known. "
        f"In <code>{escape(content.place)}</code>.</p><dl>{facts}</dl><nav>{links}</nav></div></header>"
        f"<main>{''.join(sections)}</main></body></html>\n"
    )


def _headings(sections: list[str]) -> list[tuple[str, str]]:
    """Anchor and title of each section that is there."""
    found = (re.search(r'<h2 id="(.+?)">(.+?)</h2>', section) for section in sections)
    return [(match[1], match[2]) for match in found if match]


def _bars(shares: dict[str, float]) -> str:
    top = max(shares.values(), default=1.0)
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td><span class="bar" style="width:{18 * share / top:.2f}rem"></span>'
        f"{share:.1%}</td></tr>"
        for name, share in sorted(shares.items(), key=lambda item: -item[1])
    )
    return f'<div class="scroll"><table class="wrap">{rows}</table></div>' if rows else "<p>None.</p>"


_TELLS = {
    AGAIN: "Labels that are a Monte Carlo mean, beside another one of fresh random numbers; "
    f"allowed: {SIGMAS:g} standard errors.",
    DENSITIES: f"The mean of ln p(x, y) / p(x) p(y) over {DENSITY_ROWS:,} rows, with densities from another source; "
    f"allowed: {SIGMAS:g} standard errors.",
    NEIGHBOURS: f"Nearest neighbours among {ROWS:,} rows (Kraskov et al. 2004), up to {MOST_COLUMNS} columns, or "
    "columns that carry all of the MI and of which the others are made. They fall short where distributions are sharp: "
    "allowed below is what the estimate still gains from more rows.",
    FROM_ABOVE: f"Nearest neighbours among {ROWS_WIDE:,} rows of many columns, where they fall short by any amount: "
    "they would show a label that is too low, not one that is too high.",
}


def _label_checks(content: Content) -> str:
    title = "Labels against second methods"
    if content.label_checks is None:
        return _section(title, "No label was checked.", "")
    labels = len({(c.split, c.id) for c in content.checks})
    text = (
        f"{labels} records were drawn at random, evenly over the families. Each one's distribution was made again from "
        "its seed path; the blocks that it is made of, whose MI add up, were checked before any transform by every "
        "method that can say something of them. A check that failed was made again with more rows, and only the "
        "second one counts."
    )
    rows = []
    for method in METHODS:
        own = [c for c in content.checks if c.method == method]
        if own:
            rows.append([method, f"{len(own):,}", f"{sum(not c.agrees for c in own)}", _TELLS[method]])
    after = _table(["method", "checks", "outside", "what it tells"], rows, wrap=True)
    if wrong := [c for c in content.checks if not c.agrees]:
        named = [
            [c.family + (f" (block {c.block})" if c.block else ""), f"{c.dx} × {c.dy}", c.method, f"{c.mi:.4f}",
             f"{c.estimate:.4f}", f"{c.mi - c.tolerance[0]:.4f} to {c.mi + c.tolerance[1]:.4f}",
             f"--split {c.split} --id {c.id}"]
            for c in wrong
        ]  # fmt: skip
        after += (
            f'<p class="note">{len(wrong)} of {len(content.checks)} lie outside. Either the label is wrong, or the '
            "method is not up to this distribution: look at the records with <code>mutualist datagen show</code>.</p>"
            + _table(["family", "dx × dy", "method", "label", "estimate", "allowed (nats)", "record"], named)
        )
    else:
        after = f"<p>All {len(content.checks)} lie within their range.</p>" + after
    return _section(title, text, _image(content.label_checks, "Labels against second methods") + after)


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
    anchor = re.sub(r"[^a-z]+", "-", title.lower())
    return f'<section><h2 id="{anchor}">{title}</h2><p>{text}</p>{body}</section>'


def _image(png: bytes, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _table(head: list[str], rows: list[list[str]], wrap: bool = False) -> str:
    """`wrap`: the last column holds sentences."""
    top = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(v))}</td>" for v in row) + "</tr>" for row in rows)
    opening = '<table class="wrap">' if wrap else "<table>"
    return f'<div class="scroll">{opening}<tr>{top}</tr>{body}</table></div>'
