-- The old system's tables, as far as they matter: integer keys, mixed names, no unique key, no constraint on status.

CREATE TABLE jobs (
    id           serial PRIMARY KEY,
    jobspec_id   varchar(255) NOT NULL UNIQUE,
    jobspec_data jsonb NOT NULL,
    status       varchar(50) NOT NULL DEFAULT 'created',
    created_at   timestamp NOT NULL DEFAULT now(),
    updated_at   timestamp NOT NULL DEFAULT now()
);

CREATE TABLE executions (
    id           serial PRIMARY KEY,
    job_id       integer NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    provider_id  varchar(255),
    region       varchar(100) NOT NULL,
    status       varchar(50) NOT NULL,
    question_id  varchar(255),
    model_id     varchar(255) DEFAULT 'llama3.2-1b',
    retry_count  integer DEFAULT 0,
    output_data  jsonb,
    receipt_data jsonb,
    started_at   timestamp,
    completed_at timestamp,
    created_at   timestamp NOT NULL DEFAULT now(),
    system_prompt           text,
    response_classification varchar(50) DEFAULT 'unknown',
    original_error          text
);
CREATE INDEX idx_executions_job_id ON executions (job_id);
