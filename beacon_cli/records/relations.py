"""One form for both systems' tables, so that the same queries audit either.

A relation is a piece of SQL after FROM or JOIN. `executions` always has the same columns: what an old database lacks is
NULL, its region names become labels, and its statuses become Beacon's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from beacon_cli.store.times import showable
from modal_deployment.regions import Regions

COLUMNS: dict[str, str] = {
    "question_id": "text",
    "model_id": "text",
    "region": "text",
    "status": "text",
    "response": "text",
    "output_data": "jsonb",
    "receipt_data": "jsonb",
    "system_prompt": "text",
    "provider_id": "text",
    "retry_count": "int",
    "original_error": "text",
    "response_classification": "text",
    "container_id": "text",
    "container_region": "text",
    "hops": "int",
    "queued_at": "timestamptz",
    "started_at": "timestamptz",
    "completed_at": "timestamptz",
    "created_at": "timestamptz",
    "error_code": "text",
    "finish_reason": "text",
}
"""The columns of the old system's executions that are read where they exist, with their types."""

Relation = sql.Composed | sql.SQL


@dataclass(frozen=True, slots=True)
class Relations:
    """The tables that a query may name in braces."""

    executions: Relation
    questions: Relation
    lanes: Relation
    runs: Relation

    def fill(self, query: sql.SQL) -> sql.Composed:
        """Return the query with its relations in place."""
        return query.format(executions=self.executions, questions=self.questions, lanes=self.lanes, runs=self.runs)


# The bound parameters `question_ids` and `lane_…` are the expectation. They are arrays, not a
# temporary table, so that a standby, a read-only database or a role with only SELECT can be audited too.
GIVEN_QUESTIONS = sql.SQL(
    "(SELECT id, position FROM unnest(%(question_ids)s::text[]) WITH ORDINALITY AS given (id, position))"
)
STORED_QUESTIONS = sql.SQL("(SELECT id, position FROM questions WHERE job_id = %(job_id)s)")
LANES = sql.SQL(
    "(SELECT model_id, region, arms, position"
    " FROM unnest(%(lane_models)s::text[], %(lane_regions)s::text[], %(lane_arms)s::int[])"
    " WITH ORDINALITY AS given (model_id, region, arms, position))"
)
STORED_RUNS = sql.SQL(
    "(SELECT id, started_at, row_number() OVER (ORDER BY started_at, id) AS position"
    " FROM runs WHERE job_id = %(job_id)s)"
)
ONE_RUN = sql.SQL("(SELECT 0 AS id, NULL::timestamptz AS started_at, 1 AS position)")


def questions_found(executions: Relation) -> sql.Composed:
    """Return the questions in the rows, in the order in which they were first asked."""
    return sql.SQL(
        "(SELECT question_id AS id,"
        " row_number() OVER (ORDER BY min(coalesce(queued_at, started_at, created_at)), question_id)"
        " AS position"
        " FROM {executions} AS execution WHERE question_id <> '' GROUP BY question_id)"
    ).format(executions=executions)


_TIMES = sql.SQL(", ").join(
    sql.SQL("{} AS {}").format(showable(sql.Identifier(name)), sql.Identifier(name))
    for name, kind in COLUMNS.items()
    if kind == "timestamptz"
)


_OF_ANOTHER_API = "jsonb_typeof(output_data -> 'sent') = 'object'"
CONTRACT = sql.SQL(f"(CASE WHEN {_OF_ANOTHER_API} THEN NULL ELSE output_data END)")
"""The answer if it is one of Beacon's own API. What others hold under the same keys means something else."""
# What the endpoint says of itself. Rows of version 0.2 and earlier lack the columns for it.
EFFECTIVE_REGION = sql.SQL(
    "coalesce(effective_region, receipt_data #>> '{{execution_details,region}}', {contract} #>> '{{metadata,region}}')"
).format(contract=CONTRACT)
# What the answer was computed on, as the device says itself: the GPU, the precision, the libraries.
_DEVICE = sql.SQL(
    "nullif(concat_ws(', ', left({contract} ->> 'gpu', 100), left({contract} #>> '{{device,dtype}}', 100),"
    " 'torch ' || left({contract} #>> '{{device,torch}}', 100),"
    " 'transformers ' || left({contract} #>> '{{device,transformers}}', 100),"
    " 'tokenizers ' || left({contract} #>> '{{device,tokenizers}}', 100)), '')"
).format(contract=CONTRACT)
# The function that the container belongs to, and how many containers it may have in the region.
_SIBLINGS = sql.SQL(
    "(CASE WHEN length(({contract} -> 'containers')::text) < 200 THEN ({contract} -> 'containers')::text END)"
).format(contract=CONTRACT)
# How an endpoint that is not Beacon's own was asked; each repeat has a seed of its own.
_WAY = sql.SQL(
    f"CASE WHEN {_OF_ANOTHER_API} THEN concat((output_data -> 'sent') - 'seed', output_data ->> 'asked_at') ELSE '' END"
)


def beacon_executions(regions: Regions) -> sql.Composed:
    """Return the rows of Beacon's own table for the job `job_id`; `regions` give them their labels."""
    return sql.SQL(
        "(SELECT run_id, question_id, model_id, {region} AS region, repeat, arm, status, response,"
        " {contract} ->> 'region' AS answered_region, {effective_region} AS effective_region, {way} AS way,"
        " {device} AS device, {siblings} AS siblings,"
        " provider_id, container_id, container_region, attempts, hops, NULL::text AS error,"
        " NULL::text AS classification, error_code, finish_reason,"
        " {times}"
        " FROM executions WHERE job_id = %(job_id)s)"
    ).format(
        region=region_label(sql.Identifier("region"), regions),
        contract=CONTRACT,
        effective_region=EFFECTIVE_REGION,
        way=_WAY,
        device=_DEVICE,
        siblings=_SIBLINGS,
        times=_TIMES,
    )


def legacy_executions(columns: Mapping[str, str], repeats: int, regions: Regions) -> sql.Composed:
    """Return the rows of the old system's table, given the columns it has and their types; `regions` give the labels.

    It has no numbers of repeats: the rows of a (question, model, region) are numbered up to `repeats`, answered ones
    first, and surplus rows get the last number again.
    """
    known = sql.SQL("(SELECT id, {columns} FROM executions WHERE job_id = %(job_id)s)").format(
        columns=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(_column(name, wanted, columns.get(name)), sql.Identifier(name))
            for name, wanted in COLUMNS.items()
        )
    )
    return sql.SQL(_LEGACY).format(
        known=known,
        region=region_label(sql.Identifier("region"), regions),
        repeat=sql.SQL(_NUMBERED if repeats > 1 else "0"),
    )


_NUMBERED = """
    least(row_number() OVER (PARTITION BY question_id, model_id, region
                             ORDER BY status IN ('completed', 'empty', 'blocked') DESC, created_at, id),
          %(repeats)s) - 1"""

# Old rows have the text inside output_data; if it is missing too, it is unknown whether the answer was empty.
_LEGACY = """(
    SELECT *, {repeat} AS repeat, 0 AS arm FROM (
        SELECT id, 0 AS run_id, coalesce(question_id, '') AS question_id, coalesce(model_id, '') AS model_id,
               {region} AS region,
               CASE WHEN status = 'error' OR status = 'completed' AND output_data ->> 'success' = 'false' THEN 'failed'
                    WHEN status = 'completed' AND btrim(answer, E' \\t\\r\\n') = '' THEN 'empty'
                    ELSE coalesce(status, '') END AS status,
               answer AS response, output_data, receipt_data, nullif(system_prompt, '') AS system_prompt,
               receipt_data #>> '{{output,system_prompt}}' AS effective_system_prompt,
               output_data ->> 'region' AS answered_region,
               coalesce(receipt_data #>> '{{execution_details,region}}', output_data #>> '{{metadata,region}}')
                   AS effective_region,
               coalesce(receipt_data #>> '{{execution_details,model}}', output_data ->> 'model',
                        output_data #>> '{{metadata,model}}') AS effective_model,
               coalesce(nullif(provider_id, ''), receipt_data #>> '{{execution_details,provider_id}}',
                        output_data ->> 'provider') AS provider_id,
               container_id, container_region, least(retry_count, 1000000) + 1 AS attempts, hops,
               concat_ws(': ', output_data ->> 'error', output_data ->> 'router_error', original_error) AS error,
               response_classification AS classification, queued_at, started_at, completed_at, created_at,
               error_code, finish_reason, NULL::text AS way, output_data ->> 'gpu' AS device, NULL::text AS siblings
        FROM (
            SELECT *, CASE WHEN response IS NULL AND output_data ? 'response'
                           THEN coalesce(output_data ->> 'response', '') ELSE response END AS answer
            FROM {known} AS known
        ) AS answered
    ) AS labelled
)"""


def region_label(name: sql.Composable, regions: Regions) -> sql.Composed:
    """Return an expression for the label of the region that `name` stands for, or for `name` itself."""
    return sql.SQL("CASE {labels} {aliases} ELSE coalesce({name}, '') END").format(
        name=name,
        # The expected values come first: a million rows are compared with a few texts, not converted to lower case.
        labels=sql.SQL(" ").join(
            sql.SQL("WHEN {name} = {label} THEN {label}").format(name=name, label=region.label)
            for region in regions.values()
        ),
        aliases=sql.SQL(" ").join(
            sql.SQL("WHEN lower(btrim({name}, E' \\t\\r\\n')) = ANY ({names}) THEN {label}").format(
                name=name,
                label=region.label,
                names=sorted(region.names),
            )
            for region in regions.values()
        ),
    )


def _column(name: str, wanted: str, found: str | None) -> sql.Composed:
    """Return the column as the wanted type, or NULL if it is missing or of another type."""
    column = sql.Identifier(name)
    if wanted == "jsonb" and found == "json":
        # json, unlike jsonb, may contain an escaped NUL, on which every operator fails.
        return sql.SQL("CASE WHEN strpos({0}::text, {1}) = 0 THEN {0}::jsonb END").format(column, "\\u0000")
    if wanted == "timestamptz" and found is not None and _fits(wanted, found):
        return showable(sql.SQL("{}::timestamptz").format(column))
    if found is not None and _fits(wanted, found):
        return sql.SQL("{}::{}").format(column, sql.SQL(wanted))
    return sql.SQL("NULL::{}").format(sql.SQL(wanted))


def _fits(wanted: str, found: str) -> bool:
    return {
        "text": True,
        "int": found in {"smallint", "integer", "bigint"},
        "timestamptz": found.startswith("timestamp"),
        "jsonb": found == "jsonb",
    }[wanted]
