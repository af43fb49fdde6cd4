-- The regions that the fleet has paused, or that recover: a pause that one worker finds holds for all. A region without
-- a row is open. `allowed` is how many calls may be in flight now; `told` says that the region named `check_at` itself.

CREATE TABLE IF NOT EXISTS region_trouble (
    region        text PRIMARY KEY,
    condition     text NOT NULL CHECK (condition IN ('paused', 'recovering')),
    allowed       int NOT NULL,
    why           text NOT NULL,
    paused_at     timestamptz NOT NULL,
    check_at      timestamptz NOT NULL,
    told          boolean NOT NULL,
    failed_checks int NOT NULL
);
