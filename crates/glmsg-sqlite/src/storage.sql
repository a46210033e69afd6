-- Version 2 of the store: logs and values.

-- A log that was removed leaves its records to the garbage; one made anew has another id.
CREATE TABLE log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    last_at INTEGER NOT NULL
);

CREATE TABLE record (
    log INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE UNIQUE INDEX record_of ON record (log, version);

-- What has expired stays until somebody puts something. Versions of values that are gone are
-- remembered in `meta` by the greatest, `value_floor`: one made anew begins above it.
CREATE TABLE value (
    key TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    expires INTEGER,
    data BLOB NOT NULL
);
CREATE INDEX value_expires ON value (expires) WHERE expires IS NOT NULL;
