"""303s: followed with GET as long as it takes, and nowhere else than home."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import Beacon
from tests.support.hostile_endpoints import Asked, always, endpoints, replies, run_against, write_job
from tests.support.invariant import CANARY, assert_invariant
from tests.support.raw_server import http

PROMPT = "What is 2+2?"


def hop(asked: Asked) -> bytes:
    return asked.hop()


@pytest.mark.fault(36, "nineteen 303s, then 200; a 408, a 503 and a reset at the result URL")
@pytest.mark.fault(37, "303 for ever")
def test_a_303_is_one_post_and_gets_until_the_deadline(hurt: Beacon) -> None:
    by_region = {
        "us": replies(*[hop] * 19),
        "eu": replies(hop, http(408), http(503), b""),
        "apac": always(hop),
    }

    async def hopping(asked: Asked) -> bytes | None:
        return await by_region[asked.region](asked)

    with endpoints({PROMPT: hopping}) as served:
        job = write_job(hurt, [PROMPT], regions="[US, EU, ASIA]", attempts=3, answer_timeout="6s")
        found = run_against(hurt, served, job)
        assert found.done.returncode == 1
        assert found.outcome(PROMPT, "US") == ("completed", None, 1)
        assert (found.row(PROMPT, "US")["hops"], served.asked(PROMPT, "us")) == (19, (1, 19))
        assert found.outcome(PROMPT, "EU") == ("completed", None, 1)
        assert (found.row(PROMPT, "EU")["hops"], served.asked(PROMPT, "eu")) == (1, (1, 4))
        endless = found.row(PROMPT, "ASIA")
        call = endless["function_call_id"]
        assert found.outcome(PROMPT, "ASIA") == ("timeout", "answer_timeout", 1)
        assert f"call {call} may still be running" in endless["error_message"]
        posts, gets = served.asked(PROMPT, "apac")
        assert posts == 1
        assert endless["hops"] - gets in {0, 1}, "the deadline may come in the pause before the next GET"
        data = found.document["data"]
        assert data["hops"] == 20 + endless["hops"]
        assert data["function_call_ids"] == [call]
        assert_invariant(found.aftermath())


@pytest.mark.fault(38, "303, 307 and 308 to another origin")
@pytest.mark.fault(39, "303 to file:, javascript: and with user info")
def test_a_redirect_elsewhere_is_refused_and_the_other_server_sees_nothing(hurt: Beacon) -> None:
    with endpoints() as other, endpoints() as served:
        origin = served.url.removeprefix("http://")
        refused = {
            "303 elsewhere": (http(303, Location=f"{other.url}/us/inference"), "redirect_cross_origin"),
            "303 without a scheme": (http(303, Location="//example.test/x"), "redirect_cross_origin"),
            "307 elsewhere": (http(307, Location=f"{other.url}/us/inference"), "redirect_refused"),
            "308 elsewhere": (http(308, Location=f"{other.url}/us/inference"), "redirect_refused"),
            "303 to file:": (http(303, Location="file:///etc/passwd"), "redirect_refused"),
            "303 to javascript:": (http(303, Location="javascript:alert(1)"), "redirect_refused"),
            "303 with user info": (http(303, Location=f"http://user:word@{origin}/us/inference"), "redirect_refused"),
            "303 to nowhere": (http(303), "redirect_refused"),
        }
        served.faults = {prompt: always(reply) for prompt, (reply, _) in refused.items()}
        found = run_against(hurt, served, write_job(hurt, refused, attempts=3))
        assert found.done.returncode == 1
        for prompt, (_, code) in refused.items():
            assert found.outcome(prompt) == ("failed", code, 1), prompt
            assert served.asked(prompt) == (1, 0)
        assert not other.requests
        assert all(CANARY in request.headers["modal-secret"] for request in served.requests), "nothing was at stake"
        assert_invariant(found.aftermath())
