"""A job whose every text tries to act in a page that shows it: answers, ids, names, errors, prompts."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

from tests.support.audit_jobs import REGIONS, START, Connection

JOB = '"><script>pwned(1)</script>'
QUESTION = "</title><script>pwned(2)</script>"
MODEL = "'\"><img src=x onerror=pwned(3)>"
ANSWERS = (
    "<script>pwned(4)</script>",
    '<img src="https://evil.example/x.png" onerror="pwned(5)">',
    '<a href="javascript:pwned(6)" onclick="pwned(6)" onmouseover="pwned(6)" style="position:fixed">click</a>',
    "</style><style>body{display:none}@import 'https://evil.example/x.css';</style>",
    "</script><script>pwned(7)</script>",
    "{{7*7}} {% for x in ().__class__.__base__.__subclasses__() %}{{x}}{% endfor %} ${7*7}",
    "<svg onload=pwned(8)><foreignObject><iframe src=https://evil.example></iframe></foreignObject></svg>",
    '<meta http-equiv="refresh" content="0;url=https://evil.example"><base href="https://evil.example/">',
    '<form action="https://evil.example"><input name=x autofocus onfocus=pwned(9)></form>',
    "\x1b[31mred\x1b[0m \u202etxet desrever\u202c \u2066isolated\u2069 nul\x00 \ud800 \ufeff",
    "<!-- --><plaintext><textarea></details></article></main></body></html>",
    "&lt;script&gt;pwned(10)&lt;/script&gt; &#60;script&#62; %3Cscript%3E \\u003cscript\\u003e",
    "مرحبا بالعالم " * 20,
    "x" * 4_000,
    "]]></svg></title></desc><script>pwned(11)</script>",
)


def store(connection: Connection) -> None:
    """Store the job: one question, one model, an answer of each kind spread over the regions, and a hostile failure."""
    from beacon_cli.store.text import storable

    spec = {
        "name": "<b>{{7*7}}</b><script>pwned(12)</script>",
        "models": [{"id": MODEL, "regions": ["us", "eu", "apac"]}],
        "repeats": len(ANSWERS) // 3 + 1,
        "system_prompt": "</pre><script>pwned(13)</script>",
    }
    connection.execute(
        "INSERT INTO jobs (id, spec, spec_sha256, batching) VALUES (%s, %s, %s, 'question')",
        [JOB, json.dumps(spec), "<script>pwned(14)</script>"],
    )
    connection.execute("INSERT INTO questions VALUES (%s, 0, %s, 'x')", [JOB, QUESTION])
    run = str(uuid.uuid5(uuid.NAMESPACE_OID, "hostile"))
    connection.execute(
        "INSERT INTO runs (id, job_id, started_at, host, pid, version) VALUES (%s, %s, %s, 'host', 1, %s)",
        [run, JOB, START, "<script>pwned(15)</script>"],
    )
    insert = (
        "INSERT INTO executions (job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt,"
        " system_prompt, response, output_data, container_id, error_code, error_message, started_at, completed_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, 1, 1, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    )
    for number, text in enumerate((*ANSWERS, None)):
        region = list(REGIONS)[number % 3]
        at = START + timedelta(seconds=number)
        error = (None, None) if text is not None else ("<i>code</i>", "</p><script>pwned(16)</script>\x1b[2J")
        output = {"region": REGIONS[region][0], "gpu": "<script>pwned(17)</script>", "model_revision": "$\\frac{1}{0}$"}
        connection.execute(
            insert.encode(),
            [
                *(JOB, run, QUESTION, MODEL, region, number // 3, "failed" if text is None else "completed"),
                *("<u onclick=pwned(18)>Why?</u>", "<script>pwned(19)</script>", text and storable(text)),
                *(json.dumps(output), f"<script>pwned(20)</script>{region}", *error, at, at + timedelta(seconds=2)),
            ],
        )
