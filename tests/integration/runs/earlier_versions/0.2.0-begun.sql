SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public._yoyo_log (
    id character varying(36) NOT NULL,
    migration_hash character varying(64),
    migration_id character varying(255),
    operation character varying(10),
    username character varying(255),
    hostname character varying(255),
    comment character varying(255),
    created_at_utc timestamp without time zone
);
CREATE TABLE public._yoyo_migration (
    migration_hash character varying(64) NOT NULL,
    migration_id character varying(255),
    applied_at_utc timestamp without time zone
);
CREATE TABLE public._yoyo_version (
    version integer NOT NULL,
    installed_at_utc timestamp without time zone
);
CREATE TABLE public.executions (
    id bigint NOT NULL,
    job_id text NOT NULL,
    run_id uuid NOT NULL,
    question_id text NOT NULL,
    model_id text NOT NULL,
    region text NOT NULL,
    repeat integer DEFAULT 0 NOT NULL,
    status text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    hops integer DEFAULT 0 NOT NULL,
    prompt text,
    system_prompt text,
    response text,
    output_data jsonb,
    receipt_data jsonb,
    provider_id text,
    container_id text,
    container_region text,
    http_status integer,
    error_code text,
    error_message text,
    function_call_id text,
    queued_at timestamp with time zone,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    arm integer DEFAULT 0 NOT NULL,
    finish_reason text,
    thought text,
    tokens integer,
    model_revision text,
    effective_system_prompt text,
    effective_region text,
    CONSTRAINT executions_status_check CHECK ((status = ANY (ARRAY['completed'::text, 'empty'::text, 'blocked'::text, 'failed'::text, 'timeout'::text, 'cancelled'::text])))
);
ALTER TABLE public.executions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.executions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.fleet_calls (
    id uuid NOT NULL,
    worker_id text NOT NULL,
    job_id text NOT NULL,
    region text NOT NULL,
    turn double precision NOT NULL,
    ends_by double precision NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    granted_at timestamp with time zone
);
CREATE TABLE public.fleet_caps (
    scope text NOT NULL,
    calls integer NOT NULL,
    slowest_seconds double precision DEFAULT 0 NOT NULL,
    CONSTRAINT fleet_caps_calls_check CHECK ((calls > 0))
);
CREATE TABLE public.fleet_workers (
    id text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    jobs integer NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    draining boolean DEFAULT false NOT NULL,
    lost_at timestamp with time zone
);
CREATE TABLE public.jobs (
    id text NOT NULL,
    spec jsonb NOT NULL,
    spec_sha256 text NOT NULL,
    batching text NOT NULL,
    status text DEFAULT 'created'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    analysis jsonb,
    CONSTRAINT jobs_batching_check CHECK ((batching = ANY (ARRAY['question'::text, 'region'::text, 'lane'::text]))),
    CONSTRAINT jobs_status_check CHECK ((status = ANY (ARRAY['created'::text, 'running'::text, 'completed'::text, 'partial'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE TABLE public.questions (
    job_id text NOT NULL,
    "position" integer NOT NULL,
    id text NOT NULL,
    text text NOT NULL
);
CREATE TABLE public.region_trouble (
    region text NOT NULL,
    condition text NOT NULL,
    allowed integer NOT NULL,
    why text NOT NULL,
    paused_at timestamp with time zone NOT NULL,
    check_at timestamp with time zone NOT NULL,
    told boolean NOT NULL,
    failed_checks integer NOT NULL,
    CONSTRAINT region_trouble_condition_check CHECK ((condition = ANY (ARRAY['paused'::text, 'recovering'::text])))
);
CREATE TABLE public.runs (
    id uuid NOT NULL,
    job_id text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL
);
CREATE TABLE public.superseded_executions (
    id bigint CONSTRAINT executions_id_not_null NOT NULL,
    job_id text CONSTRAINT executions_job_id_not_null NOT NULL,
    run_id uuid CONSTRAINT executions_run_id_not_null NOT NULL,
    question_id text CONSTRAINT executions_question_id_not_null NOT NULL,
    model_id text CONSTRAINT executions_model_id_not_null NOT NULL,
    region text CONSTRAINT executions_region_not_null NOT NULL,
    repeat integer CONSTRAINT executions_repeat_not_null NOT NULL,
    status text CONSTRAINT executions_status_not_null NOT NULL,
    attempts integer CONSTRAINT executions_attempts_not_null NOT NULL,
    hops integer CONSTRAINT executions_hops_not_null NOT NULL,
    prompt text,
    system_prompt text,
    response text,
    output_data jsonb,
    receipt_data jsonb,
    provider_id text,
    container_id text,
    container_region text,
    http_status integer,
    error_code text,
    error_message text,
    function_call_id text,
    queued_at timestamp with time zone,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    created_at timestamp with time zone CONSTRAINT executions_created_at_not_null NOT NULL,
    arm integer CONSTRAINT executions_arm_not_null NOT NULL,
    finish_reason text,
    thought text,
    tokens integer,
    model_revision text,
    effective_system_prompt text,
    effective_region text,
    superseded_at timestamp with time zone DEFAULT now() NOT NULL,
    superseded_by uuid NOT NULL
);
CREATE TABLE public.yoyo_lock (
    locked integer DEFAULT 1 NOT NULL,
    ctime timestamp without time zone,
    pid integer NOT NULL
);
INSERT INTO public._yoyo_log (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc) VALUES ('f5df0ea0-e99e-11f1-812e-02fc00000001', '182f03b91b7ac82e337a2c2b7fc4a88cb79e4fa3c4d6b9821853df52c93dc3c2', '0001_jobs_and_executions', 'apply', 'owner', 'host', NULL, '2026-11-26 13:40:36.434911');
INSERT INTO public._yoyo_log (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc) VALUES ('f5eb401c-e99e-11f1-812e-02fc00000001', 'b34eb02838925230c7b437f229d650300b622f49f5428d6b128ea60f4197397d', '0002_fleet', 'apply', 'owner', 'host', NULL, '2026-11-26 13:40:36.513749');
INSERT INTO public._yoyo_log (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc) VALUES ('f5f81184-e99e-11f1-812e-02fc00000001', '14745d0c399d360647fca252f2442f9ed913db41a857b4ccc313f7f4e55ae23b', '0003_outcomes', 'apply', 'owner', 'host', NULL, '2026-11-26 13:40:36.597749');
INSERT INTO public._yoyo_log (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc) VALUES ('f60115f4-e99e-11f1-812e-02fc00000001', 'c83087e183ab74a799f8970b8450b958407e2b9fdc02963d083189e3e0994038', '0004_cells_with_arms', 'apply', 'owner', 'host', NULL, '2026-11-26 13:40:36.656853');
INSERT INTO public._yoyo_log (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc) VALUES ('f60a31de-e99e-11f1-812e-02fc00000001', 'e3b3a0790f2a28aa48fb7dad7a04f560cfe36a7c1cec18eabdb9b1dad213f786', '0005_cells_with_arms_alone', 'apply', 'owner', 'host', NULL, '2026-11-26 13:40:36.716538');
INSERT INTO public._yoyo_log (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc) VALUES ('f61432ec-e99e-11f1-812e-02fc00000001', 'aa689be2af6763af4966f6b60f3300d0b859dfdb4232537567b0438f03a78e0b', '0006_region_trouble', 'apply', 'owner', 'host', NULL, '2026-11-26 13:40:36.782119');
INSERT INTO public._yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('182f03b91b7ac82e337a2c2b7fc4a88cb79e4fa3c4d6b9821853df52c93dc3c2', '0001_jobs_and_executions', '2026-11-26 13:40:36.443542');
INSERT INTO public._yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('b34eb02838925230c7b437f229d650300b622f49f5428d6b128ea60f4197397d', '0002_fleet', '2026-11-26 13:40:36.522182');
INSERT INTO public._yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('14745d0c399d360647fca252f2442f9ed913db41a857b4ccc313f7f4e55ae23b', '0003_outcomes', '2026-11-26 13:40:36.613502');
INSERT INTO public._yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('c83087e183ab74a799f8970b8450b958407e2b9fdc02963d083189e3e0994038', '0004_cells_with_arms', '2026-11-26 13:40:36.677454');
INSERT INTO public._yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('e3b3a0790f2a28aa48fb7dad7a04f560cfe36a7c1cec18eabdb9b1dad213f786', '0005_cells_with_arms_alone', '2026-11-26 13:40:36.729389');
INSERT INTO public._yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('aa689be2af6763af4966f6b60f3300d0b859dfdb4232537567b0438f03a78e0b', '0006_region_trouble', '2026-11-26 13:40:36.789184');
INSERT INTO public._yoyo_version (version, installed_at_utc) VALUES (2, '2026-11-26 13:40:36.271583');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at, arm, finish_reason, thought, tokens, model_revision, effective_system_prompt, effective_region) OVERRIDING SYSTEM VALUE VALUES (1, 'operators', 'a18832d4-9c6d-4650-af9e-30ba5e6da307', 'math_basic', 'llama3.2-1b', 'US', 0, 'completed', 1, 0, 'What is 2+2?', NULL, 'answer to What is 2+2?', '{"gpu": null, "model": "llama3.2-1b", "region": "us", "success": true, "container_id": "local-us-1-llama3.2-1b", "inference_time": 0.01, "model_revision": null, "container_region": "local-us", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-us"}}', 'provider-us', 'local-us-1-llama3.2-1b', 'local-us', 200, NULL, NULL, NULL, '2026-11-26 13:40:40.571527+00', '2026-11-26 13:40:40.571593+00', '2026-11-26 13:40:40.609404+00', '2026-11-26 13:40:40.611045+00', 0, NULL, NULL, 1, NULL, NULL, 'US');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at, arm, finish_reason, thought, tokens, model_revision, effective_system_prompt, effective_region) OVERRIDING SYSTEM VALUE VALUES (2, 'operators', 'a18832d4-9c6d-4650-af9e-30ba5e6da307', 'math_basic', 'llama3.2-1b', 'EU', 0, 'completed', 1, 0, 'What is 2+2?', NULL, 'answer to What is 2+2?', '{"gpu": null, "model": "llama3.2-1b", "region": "eu", "success": true, "container_id": "local-eu-1-llama3.2-1b", "inference_time": 0.01, "model_revision": null, "container_region": "local-eu", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-eu"}}', 'provider-eu', 'local-eu-1-llama3.2-1b', 'local-eu', 200, NULL, NULL, NULL, '2026-11-26 13:40:40.572275+00', '2026-11-26 13:40:40.57231+00', '2026-11-26 13:40:40.609862+00', '2026-11-26 13:40:40.611045+00', 0, NULL, NULL, 1, NULL, NULL, 'EU');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at, arm, finish_reason, thought, tokens, model_revision, effective_system_prompt, effective_region) OVERRIDING SYSTEM VALUE VALUES (3, 'operators', 'a18832d4-9c6d-4650-af9e-30ba5e6da307', 'math_basic', 'llama3.2-1b', 'ASIA', 0, 'completed', 1, 0, 'What is 2+2?', NULL, 'answer to What is 2+2?', '{"gpu": null, "model": "llama3.2-1b", "region": "apac", "success": true, "container_id": "local-apac-1-llama3.2-1b", "inference_time": 0.01, "model_revision": null, "container_region": "local-apac", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-apac"}}', 'provider-apac', 'local-apac-1-llama3.2-1b', 'local-apac', 200, NULL, NULL, NULL, '2026-11-26 13:40:40.57261+00', '2026-11-26 13:40:40.572641+00', '2026-11-26 13:40:40.610055+00', '2026-11-26 13:40:40.611045+00', 0, NULL, NULL, 1, NULL, NULL, 'ASIA');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at, arm, finish_reason, thought, tokens, model_revision, effective_system_prompt, effective_region) OVERRIDING SYSTEM VALUE VALUES (4, 'operators', 'a18832d4-9c6d-4650-af9e-30ba5e6da307', 'math_basic', 'qwen2.5-1.5b', 'US', 0, 'completed', 1, 0, 'What is 2+2?', NULL, 'answer to What is 2+2?', '{"gpu": null, "model": "qwen2.5-1.5b", "region": "us", "success": true, "container_id": "local-us-1-qwen2.5-1.5b", "inference_time": 0.01, "model_revision": null, "container_region": "local-us", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-us"}}', 'provider-us', 'local-us-1-qwen2.5-1.5b', 'local-us', 200, NULL, NULL, NULL, '2026-11-26 13:40:40.57292+00', '2026-11-26 13:40:40.572946+00', '2026-11-26 13:40:40.610231+00', '2026-11-26 13:40:40.611045+00', 0, NULL, NULL, 1, NULL, NULL, 'US');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at, arm, finish_reason, thought, tokens, model_revision, effective_system_prompt, effective_region) OVERRIDING SYSTEM VALUE VALUES (5, 'operators', 'a18832d4-9c6d-4650-af9e-30ba5e6da307', 'math_basic', 'qwen2.5-1.5b', 'EU', 0, 'completed', 1, 0, 'What is 2+2?', NULL, 'answer to What is 2+2?', '{"gpu": null, "model": "qwen2.5-1.5b", "region": "eu", "success": true, "container_id": "local-eu-1-qwen2.5-1.5b", "inference_time": 0.01, "model_revision": null, "container_region": "local-eu", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-eu"}}', 'provider-eu', 'local-eu-1-qwen2.5-1.5b', 'local-eu', 200, NULL, NULL, NULL, '2026-11-26 13:40:40.57898+00', '2026-11-26 13:40:40.579123+00', '2026-11-26 13:40:40.610368+00', '2026-11-26 13:40:40.611045+00', 0, NULL, NULL, 1, NULL, NULL, 'EU');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at, arm, finish_reason, thought, tokens, model_revision, effective_system_prompt, effective_region) OVERRIDING SYSTEM VALUE VALUES (6, 'operators', 'a18832d4-9c6d-4650-af9e-30ba5e6da307', 'math_basic', 'qwen2.5-1.5b', 'ASIA', 0, 'completed', 1, 0, 'What is 2+2?', NULL, 'answer to What is 2+2?', '{"gpu": null, "model": "qwen2.5-1.5b", "region": "apac", "success": true, "container_id": "local-apac-1-qwen2.5-1.5b", "inference_time": 0.01, "model_revision": null, "container_region": "local-apac", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-apac"}}', 'provider-apac', 'local-apac-1-qwen2.5-1.5b', 'local-apac', 200, NULL, NULL, NULL, '2026-11-26 13:40:40.579711+00', '2026-11-26 13:40:40.579745+00', '2026-11-26 13:40:40.610505+00', '2026-11-26 13:40:40.611045+00', 0, NULL, NULL, 1, NULL, NULL, 'ASIA');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at, arm, finish_reason, thought, tokens, model_revision, effective_system_prompt, effective_region) OVERRIDING SYSTEM VALUE VALUES (7, 'operators', 'a18832d4-9c6d-4650-af9e-30ba5e6da307', 'geography_basic', 'llama3.2-1b', 'US', 0, 'completed', 1, 0, 'What is the capital of France?', NULL, 'answer to What is the capital of France?', '{"gpu": null, "model": "llama3.2-1b", "region": "us", "success": true, "container_id": "local-us-1-llama3.2-1b", "inference_time": 0.01, "model_revision": null, "container_region": "local-us", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-us"}}', 'provider-us', 'local-us-1-llama3.2-1b', 'local-us', 200, NULL, NULL, NULL, '2026-11-26 13:40:40.634316+00', '2026-11-26 13:40:40.634385+00', '2026-11-26 13:40:40.664866+00', '2026-11-26 13:40:40.665308+00', 0, NULL, NULL, 1, NULL, NULL, 'US');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at, arm, finish_reason, thought, tokens, model_revision, effective_system_prompt, effective_region) OVERRIDING SYSTEM VALUE VALUES (8, 'operators', 'a18832d4-9c6d-4650-af9e-30ba5e6da307', 'geography_basic', 'qwen2.5-1.5b', 'EU', 0, 'cancelled', 1, 0, 'What is the capital of France?', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'cancelled', 'stopped by SIGINT', NULL, '2026-11-26 13:40:40.635596+00', '2026-11-26 13:40:40.635614+00', '2026-11-26 13:40:40.711273+00', '2026-11-26 13:40:40.712046+00', 0, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at, arm, finish_reason, thought, tokens, model_revision, effective_system_prompt, effective_region) OVERRIDING SYSTEM VALUE VALUES (9, 'operators', 'a18832d4-9c6d-4650-af9e-30ba5e6da307', 'geography_basic', 'qwen2.5-1.5b', 'US', 0, 'cancelled', 1, 0, 'What is the capital of France?', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'cancelled', 'stopped by SIGINT', NULL, '2026-11-26 13:40:40.635391+00', '2026-11-26 13:40:40.635411+00', '2026-11-26 13:40:40.711451+00', '2026-11-26 13:40:40.712046+00', 0, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at, arm, finish_reason, thought, tokens, model_revision, effective_system_prompt, effective_region) OVERRIDING SYSTEM VALUE VALUES (10, 'operators', 'a18832d4-9c6d-4650-af9e-30ba5e6da307', 'geography_basic', 'qwen2.5-1.5b', 'ASIA', 0, 'cancelled', 1, 0, 'What is the capital of France?', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'cancelled', 'stopped by SIGINT', NULL, '2026-11-26 13:40:40.63579+00', '2026-11-26 13:40:40.635807+00', '2026-11-26 13:40:40.711546+00', '2026-11-26 13:40:40.712046+00', 0, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at, arm, finish_reason, thought, tokens, model_revision, effective_system_prompt, effective_region) OVERRIDING SYSTEM VALUE VALUES (11, 'operators', 'a18832d4-9c6d-4650-af9e-30ba5e6da307', 'geography_basic', 'llama3.2-1b', 'EU', 0, 'cancelled', 1, 0, 'What is the capital of France?', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'cancelled', 'stopped by SIGINT', NULL, '2026-11-26 13:40:40.634911+00', '2026-11-26 13:40:40.634945+00', '2026-11-26 13:40:40.711627+00', '2026-11-26 13:40:40.712046+00', 0, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at, arm, finish_reason, thought, tokens, model_revision, effective_system_prompt, effective_region) OVERRIDING SYSTEM VALUE VALUES (12, 'operators', 'a18832d4-9c6d-4650-af9e-30ba5e6da307', 'geography_basic', 'llama3.2-1b', 'ASIA', 0, 'cancelled', 1, 0, 'What is the capital of France?', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'cancelled', 'stopped by SIGINT', NULL, '2026-11-26 13:40:40.635162+00', '2026-11-26 13:40:40.635182+00', '2026-11-26 13:40:40.711704+00', '2026-11-26 13:40:40.712046+00', 0, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.jobs (id, spec, spec_sha256, batching, status, created_at, started_at, completed_at, analysis) VALUES ('operators', '{"name": "job", "limits": {}, "models": [{"id": "llama3.2-1b", "regions": ["us", "eu", "apac"]}, {"id": "qwen2.5-1.5b", "regions": ["us", "eu", "apac"]}], "repeats": 1, "version": 1, "metadata": {}, "questions": {"count": 2, "sha256": "d7831d7e3cff315b4836d554858290af5edc5b75367cbae8fb416618f4005c34"}, "generation": {"seed": null, "max_tokens": 500, "temperature": 0.1}, "system_prompt": null}', '188a3ecce1eb47ed058d92ee08fe8a6a7ef765a2f56af8149823a9d529c127c0', 'question', 'cancelled', '2026-11-26 13:40:40.553017+00', '2026-11-26 13:40:40.547979+00', '2026-11-26 13:40:40.729964+00', NULL);
INSERT INTO public.questions (job_id, "position", id, text) VALUES ('operators', 0, 'math_basic', 'What is 2+2?');
INSERT INTO public.questions (job_id, "position", id, text) VALUES ('operators', 1, 'geography_basic', 'What is the capital of France?');
INSERT INTO public.runs (id, job_id, started_at, ended_at, host, pid, version) VALUES ('a18832d4-9c6d-4650-af9e-30ba5e6da307', 'operators', '2026-11-26 13:40:40.547979+00', '2026-11-26 13:40:40.729964+00', 'host', 10002, '0.2.0');
SELECT pg_catalog.setval('public.executions_id_seq', 12, true);
ALTER TABLE ONLY public._yoyo_log
    ADD CONSTRAINT _yoyo_log_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public._yoyo_migration
    ADD CONSTRAINT _yoyo_migration_pkey PRIMARY KEY (migration_hash);
ALTER TABLE ONLY public._yoyo_version
    ADD CONSTRAINT _yoyo_version_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.executions
    ADD CONSTRAINT executions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.fleet_calls
    ADD CONSTRAINT fleet_calls_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.fleet_caps
    ADD CONSTRAINT fleet_caps_pkey PRIMARY KEY (scope);
ALTER TABLE ONLY public.fleet_workers
    ADD CONSTRAINT fleet_workers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.questions
    ADD CONSTRAINT questions_job_id_id_key UNIQUE (job_id, id);
ALTER TABLE ONLY public.questions
    ADD CONSTRAINT questions_pkey PRIMARY KEY (job_id, "position");
ALTER TABLE ONLY public.region_trouble
    ADD CONSTRAINT region_trouble_pkey PRIMARY KEY (region);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.yoyo_lock
    ADD CONSTRAINT yoyo_lock_pkey PRIMARY KEY (locked);
CREATE UNIQUE INDEX executions_cell ON public.executions USING btree (job_id, question_id, model_id, region, repeat, arm);
CREATE INDEX executions_without_text ON public.executions USING btree (job_id, status) WHERE (status = ANY (ARRAY['empty'::text, 'blocked'::text]));
CREATE INDEX fleet_calls_worker_id ON public.fleet_calls USING btree (worker_id);
CREATE INDEX runs_job_id ON public.runs USING btree (job_id, started_at);
CREATE INDEX superseded_executions_job_id ON public.superseded_executions USING btree (job_id, question_id);
ALTER TABLE ONLY public.executions
    ADD CONSTRAINT executions_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.executions
    ADD CONSTRAINT executions_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id);
ALTER TABLE ONLY public.fleet_calls
    ADD CONSTRAINT fleet_calls_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES public.fleet_workers(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.questions
    ADD CONSTRAINT questions_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.superseded_executions
    ADD CONSTRAINT superseded_executions_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.superseded_executions
    ADD CONSTRAINT superseded_executions_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(id);
ALTER TABLE ONLY public.superseded_executions
    ADD CONSTRAINT superseded_executions_superseded_by_fkey FOREIGN KEY (superseded_by) REFERENCES public.runs(id);
