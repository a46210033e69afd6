-- Version 1 of the store. docs/decisions/0003-sqlite-layout.md says why it looks like this.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value
) WITHOUT ROWID;

-- A topic and the counters of its lanes. Lane l holds the messages first[l] to next[l] - 1.
CREATE TABLE topic (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    max_len INTEGER NOT NULL,
    max_age INTEGER NOT NULL,
    overflow INTEGER NOT NULL,
    dead_letter_age INTEGER NOT NULL,
    last_at INTEGER NOT NULL DEFAULT 0,
    ord INTEGER NOT NULL DEFAULT 1,
    scheduled INTEGER NOT NULL DEFAULT 0,
    next_scheduled INTEGER NOT NULL DEFAULT 0,
    first0 INTEGER NOT NULL DEFAULT 0, next0 INTEGER NOT NULL DEFAULT 0,
    first1 INTEGER NOT NULL DEFAULT 0, next1 INTEGER NOT NULL DEFAULT 0,
    first2 INTEGER NOT NULL DEFAULT 0, next2 INTEGER NOT NULL DEFAULT 0,
    first3 INTEGER NOT NULL DEFAULT 0, next3 INTEGER NOT NULL DEFAULT 0
);

-- The messages. seq is topic, lane and number in the lane, so a lane is one range of rows; lane 4
-- holds what is not due yet. ord is the place in the stored order of the whole topic.
CREATE TABLE message (
    seq INTEGER PRIMARY KEY,
    topic INTEGER NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    expires INTEGER,
    key TEXT,
    max_attempts INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX message_id ON message (topic, id);

-- When the messages of lane 4 are due, and which lane they go to then.
CREATE TABLE scheduled (
    topic INTEGER NOT NULL,
    due INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    PRIMARY KEY (topic, due, seq)
) WITHOUT ROWID;

-- A group: how far it is with each lane. What is before the cursor is done, unless `delivery` has it.
CREATE TABLE grp (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic INTEGER NOT NULL,
    name TEXT NOT NULL,
    ordering INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    fence INTEGER NOT NULL DEFAULT 0,
    revived INTEGER NOT NULL DEFAULT 0,
    cursor0 INTEGER NOT NULL,
    cursor1 INTEGER NOT NULL,
    cursor2 INTEGER NOT NULL,
    cursor3 INTEGER NOT NULL,
    UNIQUE (topic, name)
);

CREATE TABLE member (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    grp INTEGER NOT NULL,
    name TEXT NOT NULL,
    lease INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
);
CREATE INDEX member_of ON member (grp, name);

-- What a group has looked at and not finished. state: 0 leased, 1 waiting, 2 new with its key's
-- turn, 3 new without, 4 waiting without. due is far away for 2 to 4, where `wait` holds it.
CREATE TABLE delivery (
    grp INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    due INTEGER NOT NULL,
    state INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    member INTEGER NOT NULL,
    key TEXT,
    wait INTEGER,
    history BLOB,
    PRIMARY KEY (grp, seq)
) WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (grp, lane, due);
CREATE INDEX delivery_key ON delivery (grp, lane, key, seq) WHERE key IS NOT NULL;

-- What came back from the dead letters: the topic may have dropped it meanwhile.
CREATE TABLE revived (
    grp INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    expires INTEGER,
    max_attempts INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (grp, seq)
) WITHOUT ROWID;

CREATE TABLE dead (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    grp INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    key TEXT,
    reason INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    dead_at INTEGER NOT NULL,
    detail TEXT NOT NULL,
    history BLOB,
    body BLOB NOT NULL
);
CREATE INDEX dead_of ON dead (grp);
CREATE INDEX dead_id ON dead (grp, id);

-- What is deleted and not cleared away yet. kind: 0 a topic's messages, 1 a group's rows, and
-- from version 2 on 2 a log's records.
CREATE TABLE garbage (
    kind INTEGER NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
