-- Jobs, their questions, their runs and the executions that answer them.

CREATE TABLE IF NOT EXISTS jobs (
    id           text PRIMARY KEY,
    spec         jsonb NOT NULL,
    spec_sha256  text NOT NULL,
    batching     text NOT NULL CHECK (batching IN ('question', 'region', 'lane')),
    status       text NOT NULL DEFAULT 'created'
                 CHECK (status IN ('created', 'running', 'completed', 'partial', 'failed', 'cancelled')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    completed_at timestamptz
);

CREATE TABLE IF NOT EXISTS questions (
    job_id   text NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    position int  NOT NULL,
    id       text NOT NULL,
    text     text NOT NULL,
    PRIMARY KEY (job_id, position),
    UNIQUE (job_id, id)
);

CREATE TABLE IF NOT EXISTS runs (
    id         uuid PRIMARY KEY,
    job_id     text NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    host       text NOT NULL,
    pid        int  NOT NULL,
    version    text NOT NULL
);
CREATE INDEX IF NOT EXISTS runs_job_id ON runs (job_id, started_at);

CREATE TABLE IF NOT EXISTS executions (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id           text NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    run_id           uuid NOT NULL REFERENCES runs (id),
    question_id      text NOT NULL,
    model_id         text NOT NULL,
    region           text NOT NULL,
    repeat           int  NOT NULL DEFAULT 0,
    status           text NOT NULL CHECK (status IN ('completed', 'empty', 'failed', 'timeout', 'cancelled')),
    attempts         int  NOT NULL DEFAULT 0,
    hops             int  NOT NULL DEFAULT 0,
    prompt           text,
    system_prompt    text,
    response         text,
    output_data      jsonb,
    receipt_data     jsonb,
    provider_id      text,
    container_id     text,
    container_region text,
    http_status      int,
    error_code       text,
    error_message    text,
    function_call_id text,
    queued_at        timestamptz,
    started_at       timestamptz,
    completed_at     timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (job_id, question_id, model_id, region, repeat)
);
