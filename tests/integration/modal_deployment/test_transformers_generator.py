"""The generator of Modal's containers, on the CPU: real transformers, with a tiny model that the tests make."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

pytest.importorskip("torch", reason="needs torch: pip install '.[torch]'")
pytest.importorskip("transformers", reason="needs transformers: pip install '.[torch]'")

import torch

from modal_deployment.applications import region_app
from modal_deployment.container_facts import container_facts
from modal_deployment.generation import Generated, GenerationRequest, Turn
from modal_deployment.refusal import Refusal
from modal_deployment.regions import BUILT_IN_REGIONS, Regions
from modal_deployment.registry import Model
from modal_deployment.serving import Service
from modal_deployment.transformers_generator import TransformersGenerator
from tests.support.tiny_model import END, WINDOW, make_tiny_model

FREE: dict[str, Any] = {"temperature": 1.0, "max_tokens": 24}


@pytest.fixture(scope="module")
def offline() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, offline: None) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tiny(folder: Path) -> TransformersGenerator:
    return TransformersGenerator(folder)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, offline: None) -> TransformersGenerator:
    return TransformersGenerator(make_tiny_model(tmp_path_factory.mktemp("other"), weights_seed=1))


@pytest.fixture
def fed(tiny: TransformersGenerator, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the model itself is given at each call, while it goes on to answer."""
    seen: list[dict[str, Any]] = []
    generate = tiny._model.generate

    def spy(**given: Any) -> Any:
        seen.append(given)
        return generate(**given)

    monkeypatch.setattr(tiny._model, "generate", spy)
    return seen


def text(tiny: TransformersGenerator, tokens: Any) -> str:
    return str(tiny._tokenizer.decode(tokens))


def test_the_chat_template_wraps_system_prompt_and_prompt(
    tiny: TransformersGenerator, fed: list[dict[str, Any]]
) -> None:
    tiny.generate(GenerationRequest("What is 2+2?", "Be brief.", max_tokens=1))
    tiny.generate(GenerationRequest("What is 2+2?", max_tokens=1))
    assert [text(tiny, given["input_ids"][0]) for given in fed] == [
        "<|begin|><|turn|>system:Be brief.<|end|><|turn|>user:What is 2+2?<|end|><|turn|>assistant:",
        "<|begin|><|turn|>user:What is 2+2?<|end|><|turn|>assistant:",
    ]


def test_a_template_that_writes_the_date_writes_the_same_one_every_day(folder: Path, offline: None) -> None:
    dated = TransformersGenerator(folder)
    dated._tokenizer.chat_template = "{{ date_string if date_string is defined else strftime_now('%d %b %Y') }}"
    assert text(dated, dated._prompt(GenerationRequest("x"))["input_ids"][0]) == "26 Jul 2024"


def test_temperature_0_is_greedy_whatever_the_seed(tiny: TransformersGenerator) -> None:
    answers = {
        tiny.generate(GenerationRequest("Who are you?", temperature=0, max_tokens=24, seed=seed)).text
        for seed in (None, 1, 2)
    }
    assert len(answers) == 1


def test_a_temperature_next_to_0_is_greedy_too(tiny: TransformersGenerator) -> None:
    answers = {tiny.generate(GenerationRequest("Hi", temperature=heat, max_tokens=24)).text for heat in (0.0, 1e-300)}
    assert len(answers) == 1


def test_a_seed_decides_a_sampled_answer(tiny: TransformersGenerator) -> None:
    first, again, another = (tiny.generate(GenerationRequest("Hi", **FREE, seed=seed)) for seed in (7, 7, 2**63 - 1))
    assert first == again
    assert first.text != another.text


def test_a_request_without_a_seed_is_not_decided_by_the_seed_before_it(tiny: TransformersGenerator) -> None:
    texts = set()
    for _ in range(2):
        tiny.generate(GenerationRequest("Hi", **FREE, seed=7))
        texts.add(tiny.generate(GenerationRequest("Hi", **FREE)).text)
    assert len(texts) == 2


def test_two_models_answering_at_once_keep_their_seeds_apart(
    tiny: TransformersGenerator, other: TransformersGenerator
) -> None:
    def answers(model: TransformersGenerator) -> list[str]:
        return [model.generate(GenerationRequest("Hi", **FREE, seed=seed)).text for seed in range(8)]

    alone = [answers(tiny), answers(other)]
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(answers, (tiny, other))) == alone
    assert alone[0] != alone[1]


def test_a_models_own_sampling_defaults_do_not_decide(folder: Path, tiny: TransformersGenerator) -> None:
    from transformers import GenerationConfig

    config = folder / "generation_config.json"
    before = config.read_text()
    GenerationConfig(do_sample=True, top_k=1, repetition_penalty=9.0, eos_token_id=[END]).save_pretrained(folder)
    try:
        changed = TransformersGenerator(folder)
    finally:
        config.write_text(before)
    for temperature in (0.0, 1.0):
        request = GenerationRequest("Hi", temperature=temperature, max_tokens=24, seed=3)
        assert changed.generate(request) == tiny.generate(request)


def test_tokens_are_those_of_the_answer_and_a_full_answer_ends_by_length(tiny: TransformersGenerator) -> None:
    generated = tiny.generate(GenerationRequest("Count.", temperature=0, max_tokens=5))
    assert (generated.tokens_generated, generated.finish_reason) == (5, "length")
    assert not generated.text.startswith("Count.")


def test_an_answer_that_ends_itself_counts_its_end_token_and_does_not_show_it(
    folder: Path, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TransformersGenerator(folder)
    prompt = model._prompt(GenerationRequest("Hi"))["input_ids"]
    answer = torch.tensor([[*model._tokenizer.encode("four"), END]])
    monkeypatch.setattr(model._model, "generate", lambda **_: torch.cat([prompt, answer], dim=1))
    expected = Generated("four", 5, "stop", prompt_tokens=prompt.shape[1])
    assert model.generate(GenerationRequest("Hi")) == expected


def test_the_end_token_stops_the_model(folder: Path, offline: None) -> None:
    model = TransformersGenerator(folder)
    with torch.no_grad():
        model._model.lm_head.weight.zero_()  # all tokens alike: greedy takes the first, id 0
    model._ends.append(0)
    model._model.generation_config.eos_token_id = model._ends
    generated = model.generate(GenerationRequest("Hi", temperature=0))
    assert (generated.text, generated.tokens_generated, generated.finish_reason) == ("", 1, "stop")


def test_a_text_that_ends_the_answer_is_not_part_of_it_and_ends_the_model(tiny: TransformersGenerator) -> None:
    whole = tiny.generate(GenerationRequest("Hi", temperature=0, max_tokens=24)).text
    stop = whole[6:8]
    generated = tiny.generate(GenerationRequest("Hi", temperature=0, max_tokens=24, stop=("never", stop)))
    assert (generated.text, generated.finish_reason) == (whole[: whole.index(stop)], "stop")
    assert generated.tokens_generated < 24


def test_the_prompts_own_text_ends_no_answer(tiny: TransformersGenerator) -> None:
    asked = GenerationRequest("Hi", temperature=0, max_tokens=5, stop=("assistant:",))
    assert tiny.generate(asked).tokens_generated == 5


def test_top_p_is_what_was_asked(tiny: TransformersGenerator, fed: list[dict[str, Any]]) -> None:
    tiny.generate(GenerationRequest("Hi", max_tokens=1, top_p=0.5))
    tiny.generate(GenerationRequest("Hi", max_tokens=1))
    assert [given["top_p"] for given in fed] == [0.5, 1.0]


def test_what_was_said_before_is_in_the_prompt(tiny: TransformersGenerator) -> None:
    history = (Turn("user", "Hi"), Turn("assistant", "Hello"))
    prompt = tiny._prompt(GenerationRequest("Who?", "Be brief.", history=history))["input_ids"][0]
    said = "system:Be brief.<|end|><|turn|>user:Hi<|end|><|turn|>assistant:Hello<|end|><|turn|>user:Who?"
    assert said in text(tiny, prompt)


def test_a_prompt_that_does_not_fit_the_window_is_422(tiny: TransformersGenerator) -> None:
    with pytest.raises(Refusal, match=rf"prompt: \d+ tokens, the model's window has {WINDOW}") as refused:
        tiny.generate(GenerationRequest("x" * WINDOW))
    assert (refused.value.status, refused.value.code) == (422, "prompt_too_long")


def test_an_answer_ends_where_the_window_does(tiny: TransformersGenerator, folder: Path) -> None:
    length = tiny._prompt(GenerationRequest("Hi"))["input_ids"].shape[1]
    narrow = TransformersGenerator(folder, context=length + 3)
    generated = narrow.generate(GenerationRequest("Hi", temperature=0, max_tokens=500))
    assert (generated.tokens_generated, generated.finish_reason) == (3, "length")


def test_cancelling_stops_the_answer_at_the_next_token(
    tiny: TransformersGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled = threading.Event()
    forward, steps = tiny._model.forward, 0

    def counting(*args: Any, **given: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 4:
            cancelled.set()
        return forward(*args, **given)

    monkeypatch.setattr(tiny._model, "forward", counting)
    generated = tiny.generate(GenerationRequest("Hi", temperature=0, max_tokens=200, cancelled=cancelled))
    assert (generated.finish_reason, generated.tokens_generated) == ("cancelled", 4)


def test_the_endpoint_answers_with_a_receipt(tiny: TransformersGenerator, other: TransformersGenerator) -> None:
    models = [Model(name, f"test/{name}", "rev-1", None, WINDOW) for name in ("tiny", "other")]
    service = Service(
        Regions(BUILT_IN_REGIONS)["eu"],
        models,
        facts=lambda _: container_facts(None),
        version="9",
        generators={"tiny": tiny, "other": other},
    )

    async def ask(**body: Any) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=region_app(service))
        async with httpx2.AsyncClient(transport=transport, base_url="http://eu") as client:
            return await client.post("/inference", json={"prompt": "Hi", "max_tokens": 8, "seed": 7, **body})

    answer, second = (asyncio.run(ask(model=name)).json() for name in ("tiny", "other"))
    expected = tiny.generate(GenerationRequest("Hi", max_tokens=8, seed=7))
    assert (answer["response"], answer["tokens_generated"]) == (expected.text, 8)
    assert (answer["model"], answer["region"], answer["model_revision"]) == ("tiny", "eu", "rev-1")
    assert answer["receipt"]["provenance"]["architecture"] == "transformers"
    assert answer["response"] != second["response"]
    refused = asyncio.run(ask(model="tiny", prompt="x" * WINDOW))
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "prompt_too_long")


def test_a_folder_is_loaded_in_single_precision_without_asking_any_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("asked for a host"))
    assert TransformersGenerator(folder)._model.dtype == torch.float32
