"""Job files of the old system (version-1 JSON), rewritten into today's keys.

The result is checked and resolved like any job file; every value keeps its line, column and old key path, so
that errors refer to the file as it is written. Null, an empty text and a zero duration meant "not set" there
(Go's zero values).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from beacon_cli.job.document import Document, Node, joined

_MARKS = frozenset({"benchmark", "constraints", "jobspec_id", "runs"})
_KEPT = ("signature", "public_key", "wallet_auth", "created_at")
# Today's keys; they have the same meaning in an old file.
_PASSED = ("name", "questions", "regions", "repeats", "generation", "system_prompt")
_LIMITS = {
    "timeout": "job_timeout",
    "provider_timeout": "answer_timeout",
    "min_success_rate": "min_success_rate",
}
_READ = {
    "": {"id", "jobspec_id", "version", "benchmark", "constraints", "models", "runs", "metadata", "limits"}
    | {*_KEPT, *_PASSED},
    "benchmark": {"name"},
    "constraints": {"regions", *_LIMITS},
    "models[]": {"id", "regions"},
}
_NANOSECONDS = 1_000_000_000
_SHORTEST = 1_000_000
# Stands for a missing key.
_EMPTY = Node("", 1, 1)


def is_version1(document: Document) -> bool:
    """Return whether a job file is from the old system."""
    return not _MARKS.isdisjoint(document.root.members)


def converted(document: Document) -> tuple[Document, list[str]]:
    """Return the job in today's keys, and warnings about unsupported keys.

    Raises `JobFileError` for what cannot be translated: a duration that is not an integer of nanoseconds, an old and a
    new key with the same meaning, no questions or no models.
    """
    return _Converter(document).converted()


class _Converter:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._old = _set_members(document.root)
        self._benchmark = self._mapping("benchmark")
        self._constraints = self._mapping("constraints")
        self._new: dict[str, Node] = {}

    def converted(self) -> tuple[Document, list[str]]:
        self._new = {key: self._old[key] for key in _PASSED if key in self._old}
        self._require_questions()
        self._move("id", self._old.get("id", _EMPTY))
        if "id" not in self._new:
            self._move("id", self._old.get("jobspec_id", _EMPTY))
        self._move("name", self._benchmark.get("name", _EMPTY))
        self._move("regions", self._constraints.get("regions", _EMPTY))
        self._move("repeats", self._runs())
        self._new["models"] = self._models()
        self._new["limits"] = self._limits()
        self._new["metadata"] = self._metadata()
        return Document(self._document.source, replace(self._document.root, value=self._new)), self._warnings()

    def _mapping(self, key: str) -> dict[str, Node]:
        node = self._old.get(key)
        if node is not None and not isinstance(node.value, dict):
            raise self._document.error(node, "must be keys and values", f'write "{key}": {{…}}, or leave it out')
        return _set_members(node) if node is not None else {}

    def _move(self, key: str, node: Node) -> None:
        """Move an old value to a new key; an empty text meant "not set"."""
        if node.value == "":
            return
        if (other := self._new.get(key)) is not None:
            raise self._document.error(node, f"has the same meaning as {other.path}", "remove one of the two")
        self._new[key] = node

    def _runs(self) -> Node:
        runs = self._old.get("runs", _EMPTY)
        return _EMPTY if runs.written == "0" else runs

    def _require_questions(self) -> None:
        questions = self._old.get("questions")
        if questions is not None and questions.value != []:
            return
        hint = 'write "questions": ["math_basic", …] with ids of the question bank, or {"id", "text"}'
        if self._prompt() is not None:
            hint += "; benchmark.input.data.prompt is not asked: to ask it, make it the text of a question"
        problem = "questions: missing" if questions is None else "must not be empty"
        raise self._document.error(questions or self._document.root, problem, hint)

    def _prompt(self) -> Node | None:
        data = self._benchmark.get("input", self._document.root).members.get("data")
        return data.members.get("prompt") if data is not None else None

    def _models(self) -> Node:
        models = self._old.get("models")
        if models is None:
            hint = 'write "models": [{"id": "llama3.2-1b"}]'
            raise self._document.error(self._document.root, "models: missing", hint)
        if not isinstance(models.value, list):
            return models
        return replace(models, value=[self._model(item) for item in models.value])

    def _model(self, node: Node) -> Node:
        if not isinstance(node.value, dict):
            return node
        members = _set_members(node)
        kept = {key: member for key, member in members.items() if key in _READ["models[]"]}
        if "regions" in kept and kept["regions"].value == []:
            del kept["regions"]
        return replace(node, value=kept)

    def _limits(self) -> Node:
        given = self._old.get("limits", replace(self._document.root, value={}, path="limits"))
        if not isinstance(given.value, dict):
            return given
        limits = dict(given.value)
        for old, new in _LIMITS.items():
            node = self._constraints.get(old)
            if node is None or (old != "min_success_rate" and (node := self._seconds(node)) is None):
                continue
            if new in limits:
                raise self._document.error(node, f"has the same meaning as {limits[new].path}", "remove one of the two")
            limits[new] = node
        return replace(given, value=limits)

    def _seconds(self, node: Node) -> Node | None:
        """Return a duration in seconds, or None if it is 0, which meant "not set"."""
        nanoseconds = node.value
        if isinstance(nanoseconds, bool) or not isinstance(nanoseconds, int):
            hint = "600000000000 is ten minutes; in a file of today's format write limits: {job_timeout: 10m}"
            raise self._document.error(node, "must be a whole number of nanoseconds", hint)
        if 0 < nanoseconds < _SHORTEST:
            hint = f"if you mean {nanoseconds} seconds, write {nanoseconds}000000000"
            raise self._document.error(node, f"{nanoseconds} nanoseconds is less than a millisecond", hint)
        return replace(node, value=nanoseconds / _NANOSECONDS) if nanoseconds else None

    def _metadata(self) -> Node:
        metadata = self._old.get("metadata", replace(self._document.root, value={}, path="metadata"))
        if not isinstance(metadata.value, dict):
            return metadata
        kept = {key: self._old[key] for key in _KEPT if key in self._old}
        return replace(metadata, value={**metadata.value, **kept})

    def _warnings(self) -> list[str]:
        warnings = []
        if unread := list(dict.fromkeys(self._unread())):
            warnings.append(f"{', '.join(unread)}: not supported here, ignored")
        if self._prompt() is not None:
            warnings.append("benchmark.input.data.prompt is not asked: the job asks only the listed questions")
        return warnings

    def _unread(self) -> Iterator[str]:
        """Yield every key in the file that is not supported here."""
        yield from _others("", self._old)
        if "id" in self._new and "jobspec_id" in self._old and self._new["id"] is not self._old["jobspec_id"]:
            yield "jobspec_id"
        yield from _others("benchmark", self._benchmark)
        yield from _others("constraints", self._constraints)
        for model in self._old["models"].items:
            yield from _others("models[]", _set_members(model))


def _others(path: str, members: dict[str, Node]) -> Iterator[str]:
    """Return the paths of the keys that are not read."""
    return (joined(path, key) for key in members if key not in _READ[path])


def _set_members(node: Node) -> dict[str, Node]:
    return {key: member for key, member in node.members.items() if member.value is not None}
