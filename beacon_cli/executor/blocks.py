"""Recognises a provider's refusal to have a prompt answered, and an account without credit, in the words of providers.

`SIGNS` is the one table of these words. Codes and reasons are compared whole, without case and punctuation. A message
is searched only for phrases that nothing else says: "safety" or "risk" in a text means nothing. The text of a model is
never searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from beacon_cli.executor.json_paths import Path, texts_at

BLOCKS = frozenset({"content_filtered", "legal_blocked", "geo_blocked"})
"""The error codes of an execution that is `blocked`."""

_UNAVAILABLE_FOR_LEGAL_REASONS = 451
_PAYMENT_REQUIRED = 402
# The statuses with which a sign counts. 200: an error that is reported inside. A 401 is always about the credentials.
_STATUSES = {
    "content_filtered": frozenset({200, 400, 403, 422}),
    "geo_blocked": frozenset({200, 400, 403, 422}),
    "legal_blocked": frozenset({200, 400, 403, 422}),
    "no_credit": frozenset({200, 400, 403, 429}),
}

Place = Literal["code", "reason", "message"]


@dataclass(frozen=True, slots=True)
class Sign:
    """A word of a provider: `code` or type of an error, `reason` why an answer ended, or phrase of a `message`."""

    place: Place
    word: str
    error_code: str
    source: str


def _signs(place: Place, error_code: str, words: Mapping[str, str]) -> tuple[Sign, ...]:
    return tuple(Sign(place, word, error_code, source) for word, source in words.items())


SIGNS = (
    *_signs(
        "code",
        "content_filtered",
        {
            "content_filter": "Azure OpenAI, Moonshot",
            "content_filtered": "gateways",
            "content_blocked": "gateways",
            "content_flagged": "gateways",
            "content_moderation": "gateways",
            "content_policy": "gateways",
            "content_policy_violation": "OpenAI, OpenRouter",
            "ContentPolicyViolationError": "LiteLLM",
            "ResponsibleAIPolicyViolation": "Azure OpenAI",
            "moderation": "gateways",
            "moderation_blocked": "OpenAI",
            "safety": "gateways",
            "flagged": "gateways",
            "risk": "gateways",
            "content_risk": "gateways",
            "refusal": "OpenRouter",
            "data_inspection_failed": "Alibaba Model Studio",
        },
    ),
    *_signs(
        "code",
        "geo_blocked",
        {
            "unsupported_country": "OpenAI",
            "unsupported_country_region_territory": "OpenAI",
            "unsupported_region": "gateways",
            "country_not_supported": "gateways",
            "region_not_supported": "gateways",
            "geo_blocked": "gateways",
            "geo_restricted": "gateways",
        },
    ),
    *_signs("code", "legal_blocked", {"451": "OpenRouter", "unavailable_for_legal_reasons": "RFC 7725"}),
    *_signs(
        "code",
        "no_credit",
        {
            "402": "OpenRouter",
            "insufficient_quota": "OpenAI",
            "billing_hard_limit_reached": "OpenAI",
            "billing_not_active": "OpenAI",
            "billing_error": "Anthropic",
            "insufficient_balance": "gateways",
            "insufficient_credits": "gateways",
            "credit_balance_exhausted": "gateways",
            "exceeded_current_quota_error": "Moonshot",
            "Arrearage": "Alibaba Model Studio",
        },
    ),
    *_signs(
        "reason",
        "content_filtered",
        {
            "content_filter": "OpenAI, Azure OpenAI, DeepSeek",
            "content_filtered": "Amazon Bedrock",
            "guardrail_intervened": "Amazon Bedrock",
            "refusal": "Anthropic",
            "sensitive": "Zhipu",
            "SAFETY": "Google Gemini, Vertex AI",
            "BLOCKLIST": "Google Gemini, Vertex AI",
            "PROHIBITED_CONTENT": "Google Gemini, Vertex AI",
            "RECITATION": "Google Gemini, Vertex AI",
            "SPII": "Google Gemini, Vertex AI",
            "MODEL_ARMOR": "Vertex AI",
        },
    ),
    *_signs(
        "message",
        "content_filtered",
        {
            "response was filtered due to the prompt triggering": "Azure OpenAI",
            "your prompt was flagged as potentially violating our usage policy": "OpenAI",
            "your request was rejected as a result of our safety system": "OpenAI",
            "output blocked by content filtering policy": "Anthropic",
            "Content Exists Risk": "DeepSeek",
            "your input was flagged": "OpenRouter",
            "ContentPolicyViolationError": "LiteLLM",
            "Violated guardrail policy": "LiteLLM",
            "Violated OpenAI moderation policy": "LiteLLM",
            "Content violates usage guidelines": "xAI",
            "data may contain inappropriate content": "Alibaba Model Studio",
            "rejected because it was considered high risk": "Moonshot",
            "可能包含不安全或敏感内容": "Zhipu",
        },
    ),
    *_signs(
        "message",
        "geo_blocked",
        {
            "country, region, or territory not supported": "OpenAI",
            "User location is not supported for the API use": "Google Gemini",
            "not allowed from unsupported countries, regions, or territories": "Amazon Bedrock",
            "not available in your country": "gateways",
            "not available in your region": "gateways",
            "not supported in your country": "gateways",
            "not supported in your region": "gateways",
            "has banned the country or region your IP address is in": "Cloudflare",
        },
    ),
    *_signs(
        "message",
        "no_credit",
        {
            "billing hard limit has been reached": "OpenAI",
            "your credit balance is too low": "Anthropic",
            "Insufficient Balance": "DeepSeek",
            "Insufficient credits": "OpenRouter",
            "账户已欠费": "Zhipu",
        },
    ),
)
"""Every word that is recognised. `gateways` are words that several gateways use, without a document of their own."""

_CODES = ("code", "type", "status", "reason")
_MESSAGES = ("message", "msg", "detail")
_BOTH = ("error",)  # an object in most dialects; a code or a message in some
_NESTED = ("errors", "details", "innererror", "provider_specific_fields", "metadata")
_KEYS = (*_BOTH, *_MESSAGES, *_CODES, *_NESTED)
_DEEPEST = 6
_MOST_ITEMS = 20
_MOST_CHARACTERS = 10_000
_LARGEST_NUMBER = 1_000_000

_REASONS: tuple[Path, ...] = (
    ("finish_reason",),
    ("choices", 0, "finish_reason"),  # OpenAI
    ("stop_reason",),  # Anthropic
    ("stopReason",),  # Amazon Bedrock
    ("candidates", 0, "finishReason"),  # Google
    ("receipt", "output", "metadata", "finish_reason"),  # Beacon's own, before they had the first
)
# Google: whatever stands here, the prompt was blocked. https://ai.google.dev/api/generate-content#BlockReason
_PROMPT_REASONS: tuple[Path, ...] = (("promptFeedback", "blockReason"), ("promptFeedback", "block_reason"))
_NO_REASON = "blockreasonunspecified"


def _normal(word: str) -> str:
    return re.sub(r"[\W_]+", "", word.casefold())


def _plain(text: str) -> str:
    return " ".join(text[:_MOST_CHARACTERS].replace("’", "'").casefold().split())


_BY_CODE = {_normal(sign.word): sign.error_code for sign in SIGNS if sign.place == "code"}
_BY_REASON = {_normal(sign.word): sign.error_code for sign in SIGNS if sign.place == "reason"}
_PHRASES = [(_plain(sign.word), sign.error_code) for sign in SIGNS if sign.place == "message"]


@dataclass(frozen=True, slots=True)
class Reported:
    """What an error says: its codes, and its messages, outermost first."""

    codes: tuple[str, ...]
    messages: tuple[str, ...]
    in_the_prompt: frozenset[str]

    @classmethod
    def read(cls, error: object, *, prompt: str = "") -> Reported:
        """Read a JSON value, or a text, in any of the known dialects.

        A phrase that `prompt` holds means nothing: some endpoints repeat the question in their errors.
        """
        said = list(_said(error, "message", _DEEPEST))
        asked = _plain(prompt)
        return cls(
            codes=tuple(text for key, text in said if key in {*_CODES, *_BOTH}),
            messages=tuple(text for key, text in said if key in {*_MESSAGES, *_BOTH} and not text.isdecimal()),
            in_the_prompt=frozenset(phrase for phrase, _ in _PHRASES if phrase in asked),
        )

    def meaning(self, status: int) -> str | None:
        """Return the error code that these words have with an HTTP status, None for any other error."""
        if status == _UNAVAILABLE_FOR_LEGAL_REASONS:
            return "legal_blocked"
        if status == _PAYMENT_REQUIRED:
            return "no_credit"
        return next((found for found in self._meanings() if status in _STATUSES[found]), None)

    def _meanings(self) -> Iterator[str]:
        yield from (_BY_CODE[code] for code in map(_normal, self.codes) if code in _BY_CODE)
        for message in map(_plain, self.messages):
            for phrase, error_code in _PHRASES:
                if phrase in message and phrase not in self.in_the_prompt:
                    yield error_code


def finish_reason(document: Mapping[str, Any]) -> str | None:
    """Return why an answer ended, in the provider's own word."""
    return next(texts_at(document, _REASONS), None)


def filter_reason(document: Mapping[str, Any]) -> str | None:
    """Return the reason by which an answer of HTTP 200 says that a filter ended or withheld it, None if none did."""
    for reason in texts_at(document, _PROMPT_REASONS):
        if _normal(reason) != _NO_REASON:
            return reason
    return next((reason for reason in texts_at(document, _REASONS) if _normal(reason) in _BY_REASON), None)


def _said(value: object, key: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield every text of an error with the key that it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, int) and 0 <= value < _LARGEST_NUMBER:
        yield key, str(int(value))
    elif isinstance(value, list) and depth:
        for item in value[:_MOST_ITEMS]:
            yield from _said(item, key, depth - 1)
    elif isinstance(value, dict) and depth:
        for inner in _KEYS:
            yield from _said(value.get(inner), inner, depth - 1)
