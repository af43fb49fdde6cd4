-- The fleet: workers that are alive, how many calls may be in flight over all of them, and which are.

CREATE TABLE IF NOT EXISTS fleet_workers (
    id         text PRIMARY KEY,
    host       text NOT NULL,
    pid        int NOT NULL,
    version    text NOT NULL,
    jobs       int NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    draining   boolean NOT NULL DEFAULT false,
    lost_at    timestamptz
);

CREATE TABLE IF NOT EXISTS fleet_caps (
    scope           text PRIMARY KEY,
    calls           int NOT NULL CHECK (calls > 0),
    slowest_seconds float8 NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS fleet_calls (
    id         uuid PRIMARY KEY,
    worker_id  text NOT NULL REFERENCES fleet_workers (id) ON DELETE CASCADE,
    job_id     text NOT NULL,
    region     text NOT NULL,
    turn       float8 NOT NULL,
    ends_by    float8 NOT NULL,
    asked_at   timestamptz NOT NULL DEFAULT now(),
    granted_at timestamptz
);
CREATE INDEX IF NOT EXISTS fleet_calls_worker_id ON fleet_calls (worker_id);
