-- Events that are not confirmed yet, and dead letters. AUTOINCREMENT: an emptied table must not start at 1 again, or a
-- relay's cursor would skip new rows.
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id INTEGER NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    payload BLOB NOT NULL,
    created_us INTEGER NOT NULL,
    dead_group TEXT,
    dead_reason TEXT,
    dead_us INTEGER
) STRICT;
CREATE INDEX outbox_dead ON outbox (sequence) WHERE dead_group IS NOT NULL;

-- Who may stamp ids with a worker number, and up to which millisecond.
CREATE TABLE id_leases (
    number INTEGER PRIMARY KEY,
    token INTEGER NOT NULL,
    owner TEXT NOT NULL,
    high_water_ms INTEGER NOT NULL
) STRICT;
