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
    CONSTRAINT executions_status_check CHECK ((status = ANY (ARRAY['completed'::text, 'empty'::text, 'failed'::text, 'timeout'::text, 'cancelled'::text])))
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
    CONSTRAINT jobs_batching_check CHECK ((batching = ANY (ARRAY['question'::text, 'region'::text, 'lane'::text]))),
    CONSTRAINT jobs_status_check CHECK ((status = ANY (ARRAY['created'::text, 'running'::text, 'completed'::text, 'partial'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE TABLE public.questions (
    job_id text NOT NULL,
    "position" integer NOT NULL,
    id text NOT NULL,
    text text NOT NULL
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
CREATE TABLE public.yoyo_lock (
    locked integer DEFAULT 1 NOT NULL,
    ctime timestamp without time zone,
    pid integer NOT NULL
);
INSERT INTO public._yoyo_log (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc) VALUES ('e2a0f678-e99e-11f1-ba8c-02fc00000001', '182f03b91b7ac82e337a2c2b7fc4a88cb79e4fa3c4d6b9821853df52c93dc3c2', '0001_jobs_and_executions', 'apply', 'owner', 'host', NULL, '2026-11-26 13:40:04.151254');
INSERT INTO public._yoyo_log (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc) VALUES ('e2af00f6-e99e-11f1-ba8c-02fc00000001', 'b34eb02838925230c7b437f229d650300b622f49f5428d6b128ea60f4197397d', '0002_fleet', 'apply', 'owner', 'host', NULL, '2026-11-26 13:40:04.242238');
INSERT INTO public._yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('182f03b91b7ac82e337a2c2b7fc4a88cb79e4fa3c4d6b9821853df52c93dc3c2', '0001_jobs_and_executions', '2026-11-26 13:40:04.160458');
INSERT INTO public._yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('b34eb02838925230c7b437f229d650300b622f49f5428d6b128ea60f4197397d', '0002_fleet', '2026-11-26 13:40:04.243138');
INSERT INTO public._yoyo_version (version, installed_at_utc) VALUES (2, '2026-11-26 13:40:03.981558');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at) OVERRIDING SYSTEM VALUE VALUES (1, 'operators', 'a01ba19b-a666-44ee-af59-f482ce413488', 'math_basic', 'llama3.2-1b', 'US', 0, 'completed', 1, 0, 'What is 2+2?', NULL, 'answer to What is 2+2?', '{"gpu": null, "model": "llama3.2-1b", "region": "us", "success": true, "container_id": "local-us-1-llama3.2-1b", "inference_time": 0.01, "model_revision": null, "container_region": "local-us", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-us"}}', 'provider-us', 'local-us-1-llama3.2-1b', 'local-us', 200, NULL, NULL, NULL, '2026-11-26 13:40:09.549858+00', '2026-11-26 13:40:09.549946+00', '2026-11-26 13:40:09.605134+00', '2026-11-26 13:40:09.609304+00');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at) OVERRIDING SYSTEM VALUE VALUES (2, 'operators', 'a01ba19b-a666-44ee-af59-f482ce413488', 'math_basic', 'llama3.2-1b', 'EU', 0, 'completed', 1, 0, 'What is 2+2?', NULL, 'answer to What is 2+2?', '{"gpu": null, "model": "llama3.2-1b", "region": "eu", "success": true, "container_id": "local-eu-1-llama3.2-1b", "inference_time": 0.01, "model_revision": null, "container_region": "local-eu", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-eu"}}', 'provider-eu', 'local-eu-1-llama3.2-1b', 'local-eu', 200, NULL, NULL, NULL, '2026-11-26 13:40:09.550585+00', '2026-11-26 13:40:09.550621+00', '2026-11-26 13:40:09.60592+00', '2026-11-26 13:40:09.609304+00');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at) OVERRIDING SYSTEM VALUE VALUES (3, 'operators', 'a01ba19b-a666-44ee-af59-f482ce413488', 'math_basic', 'llama3.2-1b', 'ASIA', 0, 'completed', 1, 0, 'What is 2+2?', NULL, 'answer to What is 2+2?', '{"gpu": null, "model": "llama3.2-1b", "region": "apac", "success": true, "container_id": "local-apac-1-llama3.2-1b", "inference_time": 0.01, "model_revision": null, "container_region": "local-apac", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-apac"}}', 'provider-apac', 'local-apac-1-llama3.2-1b', 'local-apac', 200, NULL, NULL, NULL, '2026-11-26 13:40:09.550897+00', '2026-11-26 13:40:09.550927+00', '2026-11-26 13:40:09.607109+00', '2026-11-26 13:40:09.62449+00');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at) OVERRIDING SYSTEM VALUE VALUES (4, 'operators', 'a01ba19b-a666-44ee-af59-f482ce413488', 'math_basic', 'qwen2.5-1.5b', 'US', 0, 'completed', 1, 0, 'What is 2+2?', NULL, 'answer to What is 2+2?', '{"gpu": null, "model": "qwen2.5-1.5b", "region": "us", "success": true, "container_id": "local-us-1-qwen2.5-1.5b", "inference_time": 0.01, "model_revision": null, "container_region": "local-us", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-us"}}', 'provider-us', 'local-us-1-qwen2.5-1.5b', 'local-us', 200, NULL, NULL, NULL, '2026-11-26 13:40:09.551164+00', '2026-11-26 13:40:09.551191+00', '2026-11-26 13:40:09.607261+00', '2026-11-26 13:40:09.62449+00');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at) OVERRIDING SYSTEM VALUE VALUES (5, 'operators', 'a01ba19b-a666-44ee-af59-f482ce413488', 'math_basic', 'qwen2.5-1.5b', 'EU', 0, 'completed', 1, 0, 'What is 2+2?', NULL, 'answer to What is 2+2?', '{"gpu": null, "model": "qwen2.5-1.5b", "region": "eu", "success": true, "container_id": "local-eu-1-qwen2.5-1.5b", "inference_time": 0.01, "model_revision": null, "container_region": "local-eu", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-eu"}}', 'provider-eu', 'local-eu-1-qwen2.5-1.5b', 'local-eu', 200, NULL, NULL, NULL, '2026-11-26 13:40:09.551408+00', '2026-11-26 13:40:09.551433+00', '2026-11-26 13:40:09.607396+00', '2026-11-26 13:40:09.62449+00');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at) OVERRIDING SYSTEM VALUE VALUES (6, 'operators', 'a01ba19b-a666-44ee-af59-f482ce413488', 'math_basic', 'qwen2.5-1.5b', 'ASIA', 0, 'completed', 1, 0, 'What is 2+2?', NULL, 'answer to What is 2+2?', '{"gpu": null, "model": "qwen2.5-1.5b", "region": "apac", "success": true, "container_id": "local-apac-1-qwen2.5-1.5b", "inference_time": 0.01, "model_revision": null, "container_region": "local-apac", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-apac"}}', 'provider-apac', 'local-apac-1-qwen2.5-1.5b', 'local-apac', 200, NULL, NULL, NULL, '2026-11-26 13:40:09.551657+00', '2026-11-26 13:40:09.551681+00', '2026-11-26 13:40:09.607513+00', '2026-11-26 13:40:09.62449+00');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at) OVERRIDING SYSTEM VALUE VALUES (7, 'operators', 'a01ba19b-a666-44ee-af59-f482ce413488', 'geography_basic', 'llama3.2-1b', 'US', 0, 'completed', 1, 0, 'What is the capital of France?', NULL, 'answer to What is the capital of France?', '{"gpu": null, "model": "llama3.2-1b", "region": "us", "success": true, "container_id": "local-us-1-llama3.2-1b", "inference_time": 0.01, "model_revision": null, "container_region": "local-us", "tokens_generated": 1}', '{"schema_version": "v0.1.0", "execution_details": {"provider_id": "provider-us"}}', 'provider-us', 'local-us-1-llama3.2-1b', 'local-us', 200, NULL, NULL, NULL, '2026-11-26 13:40:09.638347+00', '2026-11-26 13:40:09.638421+00', '2026-11-26 13:40:09.658274+00', '2026-11-26 13:40:09.658965+00');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at) OVERRIDING SYSTEM VALUE VALUES (8, 'operators', 'a01ba19b-a666-44ee-af59-f482ce413488', 'geography_basic', 'qwen2.5-1.5b', 'EU', 0, 'cancelled', 1, 0, 'What is the capital of France?', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'cancelled', 'stopped by SIGINT', NULL, '2026-11-26 13:40:09.639502+00', '2026-11-26 13:40:09.639522+00', '2026-11-26 13:40:09.739558+00', '2026-11-26 13:40:09.748753+00');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at) OVERRIDING SYSTEM VALUE VALUES (9, 'operators', 'a01ba19b-a666-44ee-af59-f482ce413488', 'geography_basic', 'qwen2.5-1.5b', 'US', 0, 'cancelled', 1, 0, 'What is the capital of France?', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'cancelled', 'stopped by SIGINT', NULL, '2026-11-26 13:40:09.639313+00', '2026-11-26 13:40:09.639332+00', '2026-11-26 13:40:09.739705+00', '2026-11-26 13:40:09.748753+00');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at) OVERRIDING SYSTEM VALUE VALUES (10, 'operators', 'a01ba19b-a666-44ee-af59-f482ce413488', 'geography_basic', 'llama3.2-1b', 'ASIA', 0, 'cancelled', 1, 0, 'What is the capital of France?', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'cancelled', 'stopped by SIGINT', NULL, '2026-11-26 13:40:09.639113+00', '2026-11-26 13:40:09.639134+00', '2026-11-26 13:40:09.739787+00', '2026-11-26 13:40:09.748753+00');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at) OVERRIDING SYSTEM VALUE VALUES (11, 'operators', 'a01ba19b-a666-44ee-af59-f482ce413488', 'geography_basic', 'llama3.2-1b', 'EU', 0, 'cancelled', 1, 0, 'What is the capital of France?', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'cancelled', 'stopped by SIGINT', NULL, '2026-11-26 13:40:09.638889+00', '2026-11-26 13:40:09.638915+00', '2026-11-26 13:40:09.739857+00', '2026-11-26 13:40:09.748753+00');
INSERT INTO public.executions (id, job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, system_prompt, response, output_data, receipt_data, provider_id, container_id, container_region, http_status, error_code, error_message, function_call_id, queued_at, started_at, completed_at, created_at) OVERRIDING SYSTEM VALUE VALUES (12, 'operators', 'a01ba19b-a666-44ee-af59-f482ce413488', 'geography_basic', 'qwen2.5-1.5b', 'ASIA', 0, 'cancelled', 1, 0, 'What is the capital of France?', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'cancelled', 'stopped by SIGINT', NULL, '2026-11-26 13:40:09.639692+00', '2026-11-26 13:40:09.639715+00', '2026-11-26 13:40:09.739924+00', '2026-11-26 13:40:09.748753+00');
INSERT INTO public.jobs (id, spec, spec_sha256, batching, status, created_at, started_at, completed_at) VALUES ('operators', '{"name": "job", "limits": {}, "models": [{"id": "llama3.2-1b", "regions": ["us", "eu", "apac"]}, {"id": "qwen2.5-1.5b", "regions": ["us", "eu", "apac"]}], "repeats": 1, "version": 1, "metadata": {}, "questions": {"count": 2, "sha256": "d7831d7e3cff315b4836d554858290af5edc5b75367cbae8fb416618f4005c34"}, "generation": {"seed": null, "max_tokens": 500, "temperature": 0.1}, "system_prompt": null}', '188a3ecce1eb47ed058d92ee08fe8a6a7ef765a2f56af8149823a9d529c127c0', 'question', 'cancelled', '2026-11-26 13:40:09.509563+00', '2026-11-26 13:40:09.500839+00', '2026-11-26 13:40:09.773582+00');
INSERT INTO public.questions (job_id, "position", id, text) VALUES ('operators', 0, 'math_basic', 'What is 2+2?');
INSERT INTO public.questions (job_id, "position", id, text) VALUES ('operators', 1, 'geography_basic', 'What is the capital of France?');
INSERT INTO public.runs (id, job_id, started_at, ended_at, host, pid, version) VALUES ('a01ba19b-a666-44ee-af59-f482ce413488', 'operators', '2026-11-26 13:40:09.500839+00', '2026-11-26 13:40:09.773582+00', 'host', 9204, '0.1.0');
SELECT pg_catalog.setval('public.executions_id_seq', 12, true);
ALTER TABLE ONLY public._yoyo_log
    ADD CONSTRAINT _yoyo_log_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public._yoyo_migration
    ADD CONSTRAINT _yoyo_migration_pkey PRIMARY KEY (migration_hash);
ALTER TABLE ONLY public._yoyo_version
    ADD CONSTRAINT _yoyo_version_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.executions
    ADD CONSTRAINT executions_job_id_question_id_model_id_region_repeat_key UNIQUE (job_id, question_id, model_id, region, repeat);
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
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.yoyo_lock
    ADD CONSTRAINT yoyo_lock_pkey PRIMARY KEY (locked);
CREATE INDEX fleet_calls_worker_id ON public.fleet_calls USING btree (worker_id);
CREATE INDEX runs_job_id ON public.runs USING btree (job_id, started_at);
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
