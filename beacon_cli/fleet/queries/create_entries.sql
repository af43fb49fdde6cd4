-- What Beacon knows of the queue's entries, beside what Procrastinate does. `worker_id` and `attempt` are the claim of the
-- worker that runs it: it holds while `attempt` is the entry's number of attempts. `ended` workers in a row could not go on
-- with it (the last one is `ended_worker`, and `why`), `answered` is how much had an answer when that was counted.
-- `reason` is why the job could not run, ended without all of its answers, or was set aside (only then it begins with
-- "set aside: "), and `set_aside_at` when that was: it holds while that is the time at which the job ended.
CREATE TABLE beacon_entries (
    entry        bigint PRIMARY KEY,
    job_id       text NOT NULL,
    submitted_at timestamptz NOT NULL DEFAULT now(),
    worker_id    text,
    attempt      int,
    ended        int NOT NULL DEFAULT 0,
    answered     bigint NOT NULL DEFAULT 0,
    ended_worker text,
    why          text NOT NULL DEFAULT '',
    reason       text,
    set_aside_at timestamptz
);
CREATE INDEX beacon_entries_job_id ON beacon_entries (job_id);
-- Which of Procrastinate's migrations these tables have.
CREATE TABLE beacon_migrations (name text PRIMARY KEY);
