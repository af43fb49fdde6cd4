"""Validates a document as a `JobFile`: pydantic's errors become plain messages with their position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.console.suggestions import suggestion
from beacon_cli.errors import JobFileError
from beacon_cli.job.analysis import AcceptedName, Analysis, MeasureName
from beacon_cli.job.document import Document, Node, joined
from beacon_cli.job.generation import Generation
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import JobFile, WrittenModel, WrittenQuestion, WrittenQuestionFile

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_PAGE = command("docs job-files")
_REFERENCE = f"{_PAGE} lists every key"
_PROBLEMS = {
    "string_type": "must be text, not {found}",
    "int_type": "must be a whole number, not {found}",
    "int_from_float": "must be a whole number, not {found}",
    "float_type": "must be a number, not {found}",
    "list_type": "must be a list, not {found}",
    "model_type": "must be keys and values, not {found}",
    "dict_type": "must be keys and values, not {found}",
    "literal_error": "must be {expected}, not {found}",
    "greater_than": "must be more than {gt}, not {found}",
    "greater_than_equal": "must be at least {ge}, not {found}",
    "less_than_equal": "must be at most {le}, not {found}",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} entries",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "may hold only A-Z, a-z, 0-9, _ and -, not {found}",
    "value_error": "{error}",
}
_HINTS = {
    "system_prompts": 'write system_prompts: {US: "…", default: "…"}',
    "generation.stop": 'write stop: "\\n" or stop: ["\\n", "END"]',
    "generation.extra": "write extra: {top_k: 40}; only OpenAI-compatible endpoints get it",
    "questions": 'write questions: [math_basic, {id: mine, text: "…"}] or questions: {file: questions.jsonl}',
    "models": "write models: [llama3.2-1b, qwen2.5-1.5b]",
    "regions": "write regions: [US, EU, ASIA]",
    "controls": "write controls: [EU]",
    "version": "this Beacon reads version 1",
    "id": "write an id such as bias-demo-1",
    "analysis": "write analysis: {rate: 0.05, accept: [system_prompt]}",
    "analysis.margin": "write the smallest effect that matters, such as 0.05, or leave the key out",
    "analysis.accept": "write accept: [system_prompt]",
}


def validated(document: Document) -> JobFile:
    """Return the document as a `JobFile`. Raises `JobFileError` for the first problem in it."""
    if not isinstance(document.root.value, dict):
        if document.root.value is None:
            raise document.error(document.root, "the file is empty", f"{_PAGE} shows what a job file contains")
        raise document.error(document.root, "a job file must be keys and values", _REFERENCE)
    try:
        return JobFile.model_validate(document.root.plain(), strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise min((_translated(document, item) for item in found), key=lambda pair: pair[0])[1] from error


def _translated(document: Document, item: ErrorDetails) -> tuple[tuple[bool, int, int], JobFileError]:
    """Return the error for a finding, and its rank: in the order of the file, with missing keys last.

    A missing key is often there, but misspelt.
    """
    node = document.root.find(item["loc"])
    kind, key = item["type"], str(item["loc"][-1])
    if kind == "missing":
        hint = _HINTS.get(joined(node.path, key), _REFERENCE)
        return (True, node.line, node.column), document.error(node, f"{key}: missing", hint)
    if kind == "extra_forbidden":
        known = _known_keys(item["loc"])
        hint = f"{suggestion(key, known)}known keys: {', '.join(known)}"
        line, column = node.key_at or (node.line, node.column)
        return (False, line, column), document.error(node, "unknown key", hint, at_key=True)
    if kind == "literal_error" and (names := _named(node.path)):
        hint = f"{suggestion(node.value if isinstance(node.value, str) else '', names)}known: {', '.join(names)}"
        problem = f"must be a known name, not {_described(node)}"
        return (False, node.line, node.column), document.error(node, problem, hint)
    words = {name: _number(value) for name, value in item.get("ctx", {}).items()}
    problem = _PROBLEMS.get(kind, "not usable: {found}").format_map({**words, "found": _described(node)})
    if kind.startswith(("greater", "less")) and key.endswith("_timeout"):
        problem = problem.replace(",", " seconds,", 1)
    return (False, node.line, node.column), document.error(node, problem, _hint(node, kind))


def _hint(node: Node, kind: str) -> str:
    if kind == "string_type" and node.written and node.value is not None:
        return f'write it in quotes: "{excerpt(node.written, 60)}"'
    return _HINTS.get(node.path, _REFERENCE)


def _named(path: str) -> tuple[str, ...]:
    """Return the names that can stand at a path; none if it has no list of names."""
    if path.startswith("analysis.accept["):
        return get_args(AcceptedName)
    return get_args(MeasureName) if path == "analysis.measure" else ()


def _known_keys(loc: tuple[int | str, ...]) -> list[str]:
    """Return the allowed keys of the mapping in which the last part of `loc` is unknown."""
    keys = [part for part in loc[:-1] if isinstance(part, str) and not part.startswith("<")]
    in_list = any(isinstance(part, int) for part in loc)
    models: dict[str, type[BaseModel]] = {
        "": JobFile,
        "analysis": Analysis,
        "generation": Generation,
        "limits": Limits,
        "models": WrittenModel,
        "questions": WrittenQuestion if in_list else WrittenQuestionFile,
    }
    return list(models[keys[0] if keys else ""].model_fields)


def _described(node: Node) -> str:
    if node.value is None:
        return "nothing"
    if isinstance(node.value, str):
        return f'the text "{excerpt(node.value, 40)}"' if node.value else "an empty text"
    if isinstance(node.value, list):
        return "a list"
    if isinstance(node.value, dict):
        return "keys and values"
    return excerpt(node.written, 40)


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
