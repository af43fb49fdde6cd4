"""Strategies for input that nobody would send by accident."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.support.answers import good_answer

any_text = st.text(st.characters(exclude_categories=()), max_size=40)
"""Text of every code point there is: NUL, lone surrogates, controls, bidi overrides, unassigned ones."""

numbers = st.integers(-(2**63), 2**64) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | any_text
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4), max_leaves=12
)


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """Return one of the seeds with some of its bytes replaced, removed, doubled or moved."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 8))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        match draw(st.sampled_from(["replace", "double", "remove"])):
            case "replace":
                data[start:end] = draw(st.binary(max_size=8))
            case "double":
                data[start:start] = data[start:end]
            case "remove":
                del data[start:end]
    return bytes(data)


_SOMETIMES = ("error", "status", "x", "finish_reason", "choices", "reasoning", "metadata", "promptFeedback")


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    """Return a good answer of the US with some of its keys replaced, missing or added."""
    document = good_answer("us", "llama3.2-1b")
    for key in draw(st.sets(st.sampled_from([*document, *_SOMETIMES]), max_size=4)):
        document[key] = draw(json_values)
    for key in draw(st.sets(st.sampled_from([*document]), max_size=2)):
        del document[key]
    return document


bodies = (
    answers().map(lambda document: json.dumps(document).encode())
    | json_values.map(lambda value: json.dumps(value).encode())
    | mutated([json.dumps(good_answer("us", "llama3.2-1b")).encode()])
    | st.binary(max_size=200)
)
"""Bodies of responses, most of them nearly what they should be."""
