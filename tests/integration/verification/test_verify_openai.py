"""`verify_endpoints` on endpoints of OpenAI's API: what is listed, what answers, and what each fault is called."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from beacon_cli.endpoints.configured import configured_endpoints
from beacon_cli.errors import CredentialsError
from beacon_cli.settings import Settings
from beacon_cli.verification.report import RegionReport, VerifyReport
from beacon_cli.verification.verify import verify_endpoints
from modal_deployment.registry import Model
from tests.support.hostile_endpoints import endpoints
from tests.support.openai_servers import VLLM, Azure, DeepSeek, LlamaCpp, Ollama, OpenAI, OpenRouter, respond, serving
from tests.support.proxies import HttpProxy, Socks5, proxying

KEY = "sk-of-the-tests-1234"
LLAMA, QWEN = "llama3.2-1b", "qwen2.5-1.5b"
EXPECTED = {model_id: Model(model_id, f"org/{model_id}") for model_id in (LLAMA, QWEN)}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BR_API_KEY", KEY)


def verify(*, probe: bool = False, timeout: float = 10.0, **regions: dict[str, Any]) -> VerifyReport:
    settings = Settings.model_validate({"regions": regions})
    chosen = [settings.vocabulary.regions[region_id] for region_id in regions]
    return verify_endpoints(
        settings,
        configured_endpoints(settings, chosen),
        expected=EXPECTED,
        probe=probe,
        timeout=timeout,
        notify=lambda _: None,
    )


def table(server: OpenAI, **more: Any) -> dict[str, Any]:
    return {"api": "openai", "base_url": server.base_url, "key_env": "BR_API_KEY", **more}


def found(region: RegionReport) -> list[tuple[str, str]]:
    return [(finding.severity, finding.code) for finding in region.findings]


@pytest.fixture
def vllm() -> Iterator[VLLM]:
    with serving(VLLM(models=("meta/llama", QWEN), key=KEY)) as server:
        yield server


NAMED = {"models": {LLAMA: {"name": "meta/llama"}, QWEN: {}}}


def test_models_that_are_listed_under_their_names_and_answer(vllm: VLLM) -> None:
    report = verify(probe=True, br=table(vllm, **NAMED))
    br = report.regions["br"]
    assert (report.exit_code, found(br), br.api, br.source) == (0, [], "openai", "models")
    assert (br.expected, br.models_served, br.missing, br.extra) == ((LLAMA, QWEN), ("meta/llama", QWEN), (), ())
    assert {model: probe.ok for model, probe in br.probes.items()} == {LLAMA: True, QWEN: True}


def test_one_list_is_read_once_and_a_probe_is_one_tiny_question(vllm: VLLM) -> None:
    vllm.requests.clear()
    verify(probe=True, br=table(vllm, **NAMED))
    assert [(request.method, request.path) for request in vllm.requests[:1]] == [("GET", "/v1/models")]
    assert [request.json for request in vllm.posts] == [
        {"model": name, "messages": [{"role": "user", "content": "What is 2+2?"}], "max_tokens": 16}
        for name in ("meta/llama", QWEN)
    ]
    assert {request.headers["authorization"] for request in vllm.requests} == {f"Bearer {KEY}"}


def test_without_a_table_of_models_those_that_are_expected_anywhere_are(vllm: VLLM) -> None:
    br = verify(br=table(vllm)).regions["br"]
    assert (br.expected, br.missing, found(br)) == ((LLAMA, QWEN), (LLAMA,), [("fail", "missing_model")])


def test_a_model_that_is_not_listed_fails_unless_it_answers(vllm: VLLM) -> None:
    br = verify(br=table(vllm, models={LLAMA: {"name": "llama"}})).regions["br"]
    assert found(br) == [("fail", "missing_model")]
    assert br.findings[0].message == f"not listed: {LLAMA} (as llama); it lists meta/llama, {QWEN}"
    assert "regions.br.models" in br.findings[0].hint
    with serving(LlamaCpp(models=("/models/llama.gguf",), key=KEY)) as server:
        report = verify(probe=True, br=table(server, models={LLAMA: {}}))
    assert (report.exit_code, found(report.regions["br"])) == (0, [("warn", "missing_model")])


def test_a_model_that_is_neither_listed_nor_known(vllm: VLLM) -> None:
    br = verify(probe=True, br=table(vllm, models={LLAMA: {"name": "llama"}})).regions["br"]
    assert found(br) == [("fail", "missing_model"), ("fail", "probe_failed")]
    assert "The model `llama` does not exist" in br.findings[1].message
    assert "deploy" not in "".join(finding.hint for finding in br.findings)


def test_deployments_at_azure_have_no_list_each_and_tell_where_they_are() -> None:
    with serving(Azure(models=("mine",), key=KEY, place="Chile Central")) as azure:
        cl = table(azure, auth="api-key")
        cl["models"] = {LLAMA: {"base_url": f"{azure.deployment_url('mine')}?api-version=2024-10-21"}}
        del cl["base_url"]
        report = verify(cl=cl)
        assert (report.exit_code, found(report.regions["cl"])) == (0, [("warn", "models_unlisted")])
        report = verify(probe=True, cl=cl)
        region = report.regions["cl"]
        assert report.exit_code == 0
        assert found(region) == [("warn", "container_region_unknown")]
        assert "container_prefixes in regions.cl" in region.findings[0].hint
        assert (region.probes[LLAMA].ok, region.probes[LLAMA].model_revision) == (True, "gpt-4o-2024-11-20")
        assert region.says_region == "Chile Central"
        assert {request.headers["api-key"] for request in azure.requests} == {KEY}


def test_an_answer_from_another_known_region_is_a_mismatch() -> None:
    with serving(Azure(models=("mine",), place="East US")) as azure:
        eu = {"api": "openai", "base_url": azure.base_url, "models": {LLAMA: {"name": "mine"}}}
        region = verify(probe=True, eu=eu).regions["eu"]
    assert ("fail", "region_mismatch") in found(region)
    assert "asked EU, but llama3.2-1b answered from US" in [finding.message for finding in region.findings]


@pytest.mark.parametrize("kind", [OpenAI, VLLM, LlamaCpp, DeepSeek, OpenRouter])
def test_a_wrong_key_is_exit_4_and_named_by_its_variable(kind: type[OpenAI], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BR_API_KEY", "sk-of-somebody-else")
    with serving(kind(key=KEY)) as server:
        report = verify(probe=True, br=table(server))
        assert server.posts == []
    assert (report.exit_code, found(report.regions["br"])) == (4, [("fail", "unauthorized")])
    assert report.error is not None
    assert report.error.hint == "set BR_API_KEY to a valid key"
    assert "somebody-else" not in str(report.as_data())


def test_a_region_that_wants_a_key_and_has_none_says_which_setting() -> None:
    with serving(OpenAI(key=KEY)) as server:
        report = verify(br={"api": "openai", "base_url": server.base_url})
    assert report.exit_code == 4
    assert report.error is not None
    assert "name the variable that holds it in key_env" in str(report.error.hint)


def test_a_variable_that_is_not_set_ends_it_before_anything_is_asked(
    vllm: VLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BR_API_KEY")
    vllm.requests.clear()
    with pytest.raises(CredentialsError, match="BR_API_KEY"):
        verify(br=table(vllm))
    assert vllm.requests == []


def test_a_wrong_path_is_a_warning_until_a_model_is_asked(vllm: VLLM) -> None:
    wrong = table(vllm, models={LLAMA: {"name": "meta/llama"}}) | {"base_url": vllm.url}
    report = verify(br=wrong)
    assert (report.exit_code, found(report.regions["br"])) == (0, [("warn", "models_unlisted")])
    report = verify(probe=True, br=wrong)
    assert report.exit_code == 1
    assert found(report.regions["br"]) == [("warn", "models_unlisted"), ("fail", "probe_failed")]
    assert "HTTP 404: Not Found" in report.regions["br"].findings[1].message


def test_a_key_that_may_ask_and_not_list_is_proven_by_an_answer() -> None:
    with serving(OpenAI(models=(LLAMA,), key=KEY)) as server:
        scopes = {"error": {"message": "You have insufficient permissions. Missing scopes: api.model.read"}}
        server.always["models"] = respond(403, scopes)
        br = table(server, models={LLAMA: {}})
        assert found(verify(br=br).regions["br"]) == [("warn", "models_unlisted")]
        assert found(verify(probe=True, br=br).regions["br"]) == []


def test_a_page_is_no_list() -> None:
    with serving(OpenAI(models=(LLAMA,))) as server:
        server.always["models"] = respond(200, b"<html>login</html>")
        br = verify(br=table(server)).regions["br"]
    assert found(br) == [("fail", "unusable_answer")]
    assert "/chat/completions" in br.findings[0].hint


def test_a_place_that_is_not_served_and_an_account_without_credit() -> None:
    blocked = {"error": {"code": "unsupported_country_region_territory", "message": "Country not supported"}}
    with serving(OpenAI(models=(LLAMA,))) as server, serving(DeepSeek(models=(LLAMA,))) as other:
        server.always["models"] = respond(403, blocked)
        other.always["completions"] = respond(402, {"error": {"message": "Insufficient Balance"}})
        models: dict[str, Any] = {"models": {LLAMA: {}}}
        report = verify(probe=True, br=table(server, **models), cn=table(other, **models))
    assert found(report.regions["br"]) == [("fail", "blocked_here")]
    assert found(report.regions["cn"]) == [("fail", "no_credit")]


def test_a_slow_endpoint_is_given_up_after_the_timeout() -> None:
    with serving(Ollama(models=(LLAMA,), latency=5)) as server:
        report = verify(timeout=1.0, br=table(server), eu=table(server, same_endpoint=True))
    assert {tuple(found(region)) for region in report.regions.values()} == {(("fail", "no_answer"),)}


def test_a_model_that_only_thought_has_answered() -> None:
    thinking = OpenAI(models=(LLAMA,)).answer({}, LLAMA, "", "length")
    with serving(OpenAI(models=(LLAMA,))) as server:
        server.always["completions"] = respond(200, thinking)
        assert found(verify(probe=True, br=table(server, models={LLAMA: {}})).regions["br"]) == []


def test_a_parameter_under_another_name_is_set_in_the_table() -> None:
    with serving(OpenAI(models=(LLAMA,), refuses={"max_tokens": "max_completion_tokens"})) as server:
        br = verify(probe=True, br=table(server, models={LLAMA: {}})).regions["br"]
        assert found(br) == [("fail", "probe_failed")]
        assert "Use 'max_completion_tokens' instead" in br.findings[0].message
        named = table(server, models={LLAMA: {}}, token_parameter="max_completion_tokens")
        assert found(verify(probe=True, br=named).regions["br"]) == []


def test_a_certificate_of_a_stranger_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with endpoints(tls=context) as served:
        br = verify(br={"api": "openai", "base_url": f"{served.url}/v1"}).regions["br"]
    assert found(br) == [("fail", "tls_failed")]


def test_a_region_where_one_model_is_asked_by_openais_api(vllm: VLLM) -> None:
    with endpoints() as served:
        served.listing = respond(200, {"models_available": [QWEN], "region": "eu", "status": "healthy"})
        other = table(vllm, name="meta/llama")
        region = verify(eu={"base_url": f"{served.url}/eu", "models": {LLAMA: other}}).regions["eu"]
    assert (region.api, set(region.expected), found(region)) == ("beacon", {LLAMA, QWEN}, [])
    assert region.models_served == (QWEN, "meta/llama", QWEN)


def test_the_way_through_a_socks_proxy_is_the_regions_alone(vllm: VLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    port = int(vllm.url.rsplit(":", 1)[1])
    with proxying(Socks5(login=("me", "proxy-secret"), places={"localhost": port})) as way:
        monkeypatch.setenv("BR_PROXY", f"socks5h://me:proxy-secret@{way.address}")
        br = table(vllm, **NAMED) | {"base_url": "http://localhost:8000/v1", "proxy_env": "BR_PROXY"}
        report = verify(probe=True, br=br, eu=table(vllm, **NAMED))
        assert report.exit_code == 0
        assert {(wanted.by, wanted.host) for wanted in way.wanted} == {("name", "localhost")}
        assert (len(way.wanted), way.refused) == (3, 0)
        monkeypatch.setenv("BR_PROXY", f"socks5h://me:wrong-secret@{way.address}")
        refused = verify(br=br)
        assert (refused.exit_code, found(refused.regions["br"])) == (4, [("fail", "proxy_refused")])
        assert refused.regions["br"].findings[0].hint.startswith("set BR_PROXY to ")
        assert "secret" not in str(refused.as_data())


def test_an_http_proxy_of_a_region_is_used_for_loopback_too(vllm: VLLM) -> None:
    with proxying(HttpProxy()) as way:
        br = table(vllm, **NAMED, proxy=f"http://{way.address}")
        assert verify(probe=True, br=br).exit_code == 0
        assert len(way.wanted) == 3
        way.login = ("me", "proxy-secret")
        refused = verify(br=br)
    assert (refused.exit_code, found(refused.regions["br"])) == (4, [("fail", "proxy_refused")])
    assert "proxy_env" in refused.regions["br"].findings[0].hint
