"""The tables of the store."""

VERSION = 2
TABLES = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    created REAL NOT NULL,
    updated REAL NOT NULL,
    client TEXT,                    -- name of the API key that may see it
    options TEXT NOT NULL,          -- JSON of PairwiseOptions
    names TEXT NOT NULL,            -- JSON list of d names
    notes TEXT NOT NULL,            -- JSON list: what was left out of the table
    rows INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL,         -- pairs
    error TEXT,
    owner TEXT,                     -- process that works on it
    lease REAL NOT NULL DEFAULT 0,  -- until when the owner is believed to live
    tries INTEGER NOT NULL DEFAULT 0 -- times it was begun since it last made progress
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, created);
CREATE TABLE inputs (
    job TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
    cells BLOB NOT NULL             -- float64, little-endian, column by column
) STRICT;
CREATE TABLE blocks (
    job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
    start INTEGER NOT NULL,         -- place of the first pair, tile by tile
    stop INTEGER NOT NULL,          -- after the last
    model TEXT NOT NULL,            -- JSON: name and version of the weights
    levels BLOB NOT NULL,           -- float64 (Q,)
    cells BLOB NOT NULL,            -- float64 (stop - start, Q), nats
    warnings TEXT NOT NULL,         -- JSON: {place in the block: [texts]}
    PRIMARY KEY (job, start)
) STRICT, WITHOUT ROWID;
"""
