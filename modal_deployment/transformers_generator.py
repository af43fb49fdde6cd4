"""A model of the Hugging Face hub, or of a folder, that really answers: PyTorch through transformers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)

from modal_deployment.device import Device, failure_of
from modal_deployment.generation import NAN_LOGITS, Generated, GenerationRequest
from modal_deployment.refusal import Refusal

# transformers samples from torch's one random state of the process: whoever seeds it keeps it until the answer is done.
_RANDOM_STATE = threading.Lock()
# Llama's chat template writes today's date into the system prompt unless it is told one. This is the template's own
# default, so that the same question is the same prompt in every region and on every day.
_TEMPLATE_DATE = "26 Jul 2024"
# Logits divided by less may overflow; on a GPU that fails an assertion, after which the process cannot use it any more.
_GREEDY_BELOW = 1e-4


class TransformersGenerator:
    """Weights and a tokenizer, loaded. Answers depend on the request alone, not on the model's own sampling defaults.

    `source` is a hub id with `revision` (a commit; taken from the hub's cache when it is there), or a folder, for which
    nothing is asked of any network. `device` is where it runs, and in which precision; without one, it runs on the CPU
    in single precision. `context` is the window in tokens, unless the model's own is smaller. Raises `OSError` for
    weights that cannot be had, and `GpuFailed`.
    """

    architecture = "transformers"

    def __init__(
        self,
        source: str | Path,
        revision: str | None = None,
        *,
        device: Device | None = None,
        context: int | None = None,
    ) -> None:
        where = {"revision": revision, "local_files_only": Path(source).is_dir()}
        self._tokenizer: Any = AutoTokenizer.from_pretrained(source, **where)
        place, dtype = (device.place, device.dtype) if device else ("cpu", "float32")
        with _gpu_failures():
            loaded: Any = AutoModelForCausalLM.from_pretrained(source, dtype=getattr(torch, dtype), **where)
            self._model: Any = loaded.to(place).eval()
        self._ends = _end_tokens(self._model, self._tokenizer)
        self._model.generation_config = _plain_generation(self._ends)
        window = self._model.config.max_position_embeddings
        self._context = min(window, context or window)

    def generate(self, request: GenerationRequest) -> Generated:
        """Return the model's answer.

        Raises `Refusal`: 422 for a prompt that does not fit the window, and 500 if the model computed no numbers.
        Raises `GpuFailed`, after which no other request can be answered.

        `tokens_generated` counts what the model made, the token that ends its turn included, the prompt not.
        An answer that fills the window ends with `length`, even before `max_tokens`.
        """
        with _gpu_failures():
            return self._answer(request)

    def _answer(self, request: GenerationRequest) -> Generated:
        prompt = self._prompt(request)
        length = prompt["input_ids"].shape[1]
        room = self._context - length
        if room < 1:
            raise _too_long(length, self._context)
        criteria = [_Cancelled(request.cancelled), _Stopped(self._text, length, request.stop)]
        with _RANDOM_STATE, torch.inference_mode():
            _seed(request.seed)
            whole = self._model.generate(
                **prompt,
                **_sampling(request),
                max_new_tokens=min(request.max_tokens, room),
                stopping_criteria=StoppingCriteriaList(criteria),
                logits_processor=LogitsProcessorList([_Finite(self._model.dtype)]),
            )
        return self._generated(whole[0, length:].tolist(), length, request)

    def _prompt(self, request: GenerationRequest) -> Any:
        return self._tokenizer.apply_chat_template(
            request.messages(),
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
            date_string=_TEMPLATE_DATE,
        ).to(self._model.device)

    def _generated(self, tokens: list[int], prompt_tokens: int, request: GenerationRequest) -> Generated:
        text = self._text(tokens)
        end = min((text.find(stop) for stop in request.stop if stop in text), default=None)
        if end is not None or (tokens and tokens[-1] in self._ends):
            reason = "stop"
        else:
            reason = "cancelled" if request.cancelled.is_set() else "length"
        return Generated(text[:end], len(tokens), reason, prompt_tokens=prompt_tokens)

    def _text(self, tokens: Any) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))


@contextmanager
def _gpu_failures() -> Iterator[None]:
    """Raise the GPU's failures as `GpuFailed`."""
    try:
        yield
    except RuntimeError as error:
        if (failure := failure_of(error)) is None:
            raise
        raise failure from error


class _Finite(LogitsProcessor):  # type: ignore[misc]
    """Asked before each token: did the model compute numbers?

    float16 overflows where the weights were trained in another precision. Sampling from what is not a number fails an
    assertion on a GPU, after which the process cannot use it any more; without sampling, the answer is token 0.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = str(dtype).removeprefix("torch.")

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        if not torch.isfinite(scores.amax(dim=-1)).all():  # the largest of numbers and a NaN is NaN
            message = f"the model computed what is not a number (in {self._dtype}), so there is no answer"
            raise Refusal(500, NAN_LOGITS, message)
        return scores


class _Cancelled(StoppingCriteria):  # type: ignore[misc]
    """Asked after each token: does anybody still wait for the answer?"""

    def __init__(self, cancelled: threading.Event) -> None:
        self._cancelled = cancelled

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:  # noqa: ARG002
        return torch.full((input_ids.shape[0],), self._cancelled.is_set(), device=input_ids.device)


class _Stopped(StoppingCriteria):  # type: ignore[misc]
    """Asked after each token: does the answer hold one of the texts that end it?

    The criterion of transformers looks at the prompt too, whose own line breaks may then end the answer.
    """

    def __init__(self, text_of: Callable[[Any], str], start: int, stops: tuple[str, ...]) -> None:
        self._text_of = text_of
        self._start = start
        self._stops = stops

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:  # noqa: ARG002
        text = self._text_of(input_ids[0, self._start :]) if self._stops else ""
        return torch.full((input_ids.shape[0],), any(stop in text for stop in self._stops), device=input_ids.device)


def _end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Return the tokens that end an answer: a chat model has several."""
    ends = model.generation_config.eos_token_id
    listed = ends if isinstance(ends, list) else [ends]
    return sorted({token for token in (*listed, tokenizer.eos_token_id) if token is not None})


def _plain_generation(ends: list[int]) -> GenerationConfig:
    """Return a configuration without a model's own top-k, top-p and penalties, which differ between models."""
    return GenerationConfig(eos_token_id=ends, pad_token_id=ends[0])


def _sampling(request: GenerationRequest) -> dict[str, Any]:
    if request.temperature < _GREEDY_BELOW:
        return {"do_sample": False}
    top_p = 1.0 if request.top_p is None else request.top_p
    return {"do_sample": True, "temperature": request.temperature, "top_k": 0, "top_p": top_p}


def _seed(seed: int | None) -> None:
    if seed is None:
        torch.seed()  # the seed of the request before must not decide this answer
    else:
        torch.manual_seed(seed)


def _too_long(tokens: int, context: int) -> Refusal:
    return Refusal(422, "prompt_too_long", f"prompt: {tokens} tokens, the model's window has {context}")
