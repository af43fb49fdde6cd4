"""The body of `POST /v1/chat/completions`, as far as it can be done here: the rest is refused, never ignored.

Names and meanings are those of https://platform.openai.com/docs/api-reference/chat/create; limits and defaults are
those of `POST inference`, so that the same question gets the same answer by both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from modal_deployment.asked import Asked
from modal_deployment.generation import GenerationRequest, Turn
from modal_deployment.limits import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_TEMPERATURE,
    MAX_PROMPT_CHARACTERS,
    MAX_STOP_CHARACTERS,
    MAX_STOPS,
    MAX_SYSTEM_PROMPT_CHARACTERS,
    MAX_TOKENS,
)
from modal_deployment.refusal import Refusal

_Text = Annotated[str, Field(min_length=1)]
_SYSTEM = ("system", "developer")
# Options that clients send by themselves, with the values that change nothing here.
_WITHOUT_EFFECT: dict[str, tuple[object, ...]] = {
    "n": (1,),
    "stream": (False,),
    "logprobs": (False,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "service_tier": ("auto", "default"),
    "store": (False,),
}
# Who asks, for the provider's own use.
_ABOUT_THE_CALLER = frozenset({"user", "safety_identifier", "metadata"})


def _joined(content: object) -> object:
    """Return the text of a list of text parts; anything else as it is."""
    if not isinstance(content, list):
        return content
    texts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in content]
    if any(not isinstance(text, str) for text in texts):
        raise PydanticCustomError("text_only", "only text is supported here: a string, or parts of the type text")
    return "".join(text for text in texts if isinstance(text, str))


def _listed(stop: object) -> object:
    """Return what `stop` may be, a text, several, or null, as a list; anything else as it is."""
    if stop is None:
        return []
    return [stop] if isinstance(stop, str) else stop


class _Message(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_joined)]
    name: str | None = None


class _Body(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    model: str
    messages: list[_Message] = Field(min_length=1)
    temperature: float | None = Field(default=None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    max_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    stop: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MAX_STOP_CHARACTERS)]],
        BeforeValidator(_listed),
        Field(max_length=MAX_STOPS),
    ] = []


def read_chat_request(body: bytes) -> Asked:
    """Return what a body asks. Raises `Refusal` (400, naming the parameter)."""
    try:
        chat = _Body.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from None
    _refuse_options(chat.model_extra or {})
    system_prompt, history, prompt = _conversation(chat.messages)
    return Asked(
        chat.model,
        GenerationRequest(
            prompt=prompt,
            system_prompt=system_prompt,
            history=history,
            temperature=DEFAULT_TEMPERATURE if chat.temperature is None else chat.temperature,
            max_tokens=_max_tokens(chat),
            seed=chat.seed,
            top_p=chat.top_p,
            stop=tuple(chat.stop),
        ),
    )


def _refuse_options(options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        if value is None or name in _ABOUT_THE_CALLER or value in _WITHOUT_EFFECT.get(name, ()):
            continue
        if name in _WITHOUT_EFFECT:
            raise _bad_request("unsupported_value", f"{name}: this value is not supported here; leave it out", name)
        raise _bad_request("unsupported_parameter", f"{name[:80]} is not supported here; leave it out", name[:80])


def _conversation(messages: Sequence[_Message]) -> tuple[str | None, tuple[Turn, ...], str]:
    """Return the system prompt, what was said before, and the prompt."""
    for index, message in enumerate(messages):
        if extra := next((name for name, value in (message.model_extra or {}).items() if value), None):
            where = f"messages.{index}.{extra[:80]}"
            raise _bad_request("unsupported_parameter", f"{where} is not supported here; leave it out", where)
    system, turns = _apart(messages)
    if system is not None and len(system) > MAX_SYSTEM_PROMPT_CHARACTERS:
        raise _too_long("the system message is", MAX_SYSTEM_PROMPT_CHARACTERS)
    if not turns or turns[-1].role != "user" or not turns[-1].text:
        raise _wrong_messages("the last message must be the user's, with text")
    if sum(len(turn.text) for turn in turns) > MAX_PROMPT_CHARACTERS:
        raise _too_long("those after the system message are together", MAX_PROMPT_CHARACTERS)
    return system, turns[:-1], turns[-1].text


def _apart(messages: Sequence[_Message]) -> tuple[str | None, tuple[Turn, ...]]:
    first = messages[0]
    system, rest = (first.content, messages[1:]) if first.role in _SYSTEM else (None, messages)
    turns = tuple(
        Turn(message.role, message.content) for message in rest if message.role == "user" or message.role == "assistant"
    )
    if len(turns) < len(rest):
        raise _wrong_messages("only the first one can be a system message")
    return system, turns


def _max_tokens(chat: _Body) -> int:
    older, newer = chat.max_tokens, chat.max_completion_tokens
    if older is not None and newer is not None and older != newer:
        message = "max_tokens and max_completion_tokens differ; give one of them"
        raise _bad_request("invalid_value", message, "max_completion_tokens")
    return newer or older or DEFAULT_MAX_TOKENS


def _invalid(error: ValidationError) -> Refusal:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    parameter = ".".join(str(part) for part in first["loc"])[:80]
    code = "missing_required_parameter" if first["type"] == "missing" else "invalid_value"
    return _bad_request(code, f"{parameter or 'body'}: {first['msg']}", parameter or None)


def _too_long(what: str, limit: int) -> Refusal:
    return _bad_request("string_above_max_length", f"messages: {what} longer than {limit} characters", "messages")


def _wrong_messages(message: str) -> Refusal:
    return _bad_request("invalid_value", f"messages: {message}", "messages")


def _bad_request(code: str, message: str, parameter: str | None) -> Refusal:
    return Refusal(400, code, message, parameter=parameter)
