"""Job files of the old system (version-1 JSON), rewritten into today's keys.

The result is checked and resolved like any job file; every value keeps its line, column and old key path, so
that errors refer to the file as it is written. Null, an empty text, a rate of zero and a zero duration meant "not set"
there (Go's zero values). Signatures, and what a wallet signed in with, are dropped before anything else is read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from beacon_cli.console.formatting import quantity
from beacon_cli.console.redaction import is_credential
from beacon_cli.job.bank import BANK
from beacon_cli.job.document import Document, Node, joined
from beacon_cli.job.questions import MAX_ID, id_problem

OLD_SUCCESS_RATE = 0.67
"""The share of answers that the old system required of a job that does not say it."""

_MARKS = frozenset(
    {
        *("benchmark", "constraints", "jobspec_id", "runs", "jobspec", "target_regions", "input"),
        *("signature", "public_key", "wallet_auth"),
    }
)
# Today's keys; they have the same meaning in an old file.
_PASSED = ("name", "regions", "repeats", "generation", "system_prompt", "system_prompts")
_LIMITS = {"provider_timeout": "answer_timeout", "min_success_rate": "min_success_rate"}
_READ = {
    "": {"id", "jobspec_id", "version", "benchmark", "constraints", "models", "runs", "metadata", "limits"}
    | {"questions", "created_at", *_PASSED},
    "benchmark": {"name"},
    "constraints": {"regions", "timeout", *_LIMITS},
    "models[]": {"id", "regions"},
    "envelope": {"jobspec", "target_regions", "min_success_rate"},
}
_ID = re.compile(r"[A-Za-z0-9_.:-]+")
_DIGEST_CHARACTERS = 8
_NANOSECONDS = 1_000_000_000
_SHORTEST = 1_000_000
# Stands for a missing key.
_EMPTY = Node("", 1, 1)


def is_version1(document: Document) -> bool:
    """Return whether a job file is from the old system."""
    return not _MARKS.isdisjoint(document.root.members)


def converted(document: Document, *, old_prompt: str | None = None) -> tuple[Document, list[str]]:
    """Return the job in today's keys, and warnings about what is assumed, not used and not supported.

    `old_prompt` is the system prompt that the old system sent. Raises `JobFileError` for what cannot be translated: a
    duration that is not an integer of nanoseconds, keys with the same meaning and different values, no questions or no
    models.
    """
    return _Converter(document, old_prompt).converted()


class _Converter:
    def __init__(self, document: Document, old_prompt: str | None) -> None:
        self._dropped = [node.path for node in _credentials(document.root) if node.value]
        root = _without_credentials(document.root)
        self._envelope = _set_members(root) if "jobspec" in root.members else {}
        self._document = Document(document.source, root)
        self._root = self._enveloped(self._envelope["jobspec"]) if "jobspec" in self._envelope else root
        self._old = _set_members(self._root)
        self._benchmark = self._mapping("benchmark")
        self._constraints = self._mapping("constraints")
        self._old_prompt = old_prompt
        self._new: dict[str, Node] = {}
        self._warnings: list[str] = []

    def converted(self) -> tuple[Document, list[str]]:
        self._new = {key: self._old[key] for key in _PASSED if key in self._old}
        asked = self._questions()
        models = self._models()
        self._new["questions"] = self._with_texts(asked)
        self._new["models"] = self._with_known_keys(models)
        self._move("id", self._old.get("id", _EMPTY))
        if "id" not in self._new:
            self._move("id", self._old.get("jobspec_id", _EMPTY))
        self._move("name", self._benchmark.get("name", _EMPTY))
        self._move("regions", self._envelope.get("target_regions", _EMPTY))
        self._move("regions", self._constraints.get("regions", _EMPTY))
        self._move("repeats", self._runs())
        self._new["limits"] = self._limits()
        self._new["metadata"] = self._metadata()
        self._add_old_prompt()
        self._warn(asked, models)
        return Document(self._document.source, replace(self._root, value=self._new)), self._warnings

    def _enveloped(self, job: Node) -> Node:
        hint = 'write "jobspec": {…} with the keys of a job'
        if not isinstance(job.value, dict):
            raise self._document.error(job, "must be keys and values", hint)
        if (inner := job.members.get("jobspec")) is not None:
            raise self._document.error(inner, "an envelope inside an envelope", hint)
        return job

    def _mapping(self, key: str) -> dict[str, Node]:
        node = self._old.get(key)
        if node is not None and not isinstance(node.value, dict):
            raise self._document.error(node, "must be keys and values", f'write "{key}": {{…}}, or leave it out')
        return _set_members(node) if node is not None else {}

    def _move(self, key: str, node: Node) -> None:
        """Move an old value to a new key; an empty text meant "not set"."""
        if node.value != "":
            self._require_same(node, self._new.setdefault(key, node))

    def _require_same(self, node: Node, other: Node) -> None:
        """Raise `JobFileError` if two keys with the same meaning have different values."""
        if node.plain() != other.plain():
            raise self._document.error(node, f"has the same meaning as {other.path}", "remove one of the two")

    def _runs(self) -> Node:
        runs = self._old.get("runs", _EMPTY)
        return _EMPTY if runs.written == "0" else runs

    def _questions(self) -> Node:
        """Return the questions, from one of the places where the old system had them."""
        places = (self._root, self._old.get("input", _EMPTY), self._benchmark.get("input", _EMPTY))
        found = [node for place in places if (node := _set_members(place).get("questions"))]
        filled = [node for node in found if node.value != []]
        for node in filled[1:]:
            self._require_same(node, filled[0])
        if filled:
            return filled[0]
        hint = 'write "questions": ["math_basic", …] with ids of the question bank, or {"id", "text"}'
        if self._prompt() is not None:
            hint += "; benchmark.input.data.prompt is not asked: to ask it, make it the text of a question"
        problem = "must not be empty" if found else "questions: missing"
        raise self._document.error(found[0] if found else self._root, problem, hint)

    def _prompt(self) -> Node | None:
        """Return the prompt of the benchmark, if it is more than an empty text."""
        data = self._benchmark.get("input", _EMPTY).members.get("data", _EMPTY)
        prompt = data.members.get("prompt", _EMPTY)
        return prompt if prompt.value else None

    def _with_texts(self, questions: Node) -> Node:
        """Return the questions, with an id for each one that is a text."""
        if not isinstance(questions.value, list):
            return questions
        texts = [node for node in questions.items if _is_text(node)]
        if texts:
            told = f"{len(texts)} of {quantity(len(questions.items), 'question')}"
            self._warnings.append(f"{questions.path}: {told} stand there as a text, which is asked, and is the id")
        if any(_id_of(str(node.value)) != node.value for node in texts):
            self._warnings.append(
                f"{questions.path}: a text that cannot be an id (over {MAX_ID} characters, or with line breaks) gets"
                " its beginning and a part of its SHA-256 as its id"
            )
        return replace(questions, value=[_with_id(node) if _is_text(node) else node for node in questions.items])

    def _models(self) -> Node:
        """Return the models, from the job or from its metadata."""
        models = self._old.get("models", _EMPTY)
        listed = _set_members(self._old.get("metadata", _EMPTY)).get("models", _EMPTY)
        if models.value in ("", []) and listed.value != "":
            return listed
        if models is _EMPTY:
            hint = 'write "models": [{"id": "llama3.2-1b"}]'
            raise self._document.error(self._root, "models: missing", hint)
        if listed.items and _ids(listed) != _ids(models):
            self._warnings.append(f"{listed.path} is not used: {models.path} says which models are asked")
        return models

    def _with_known_keys(self, models: Node) -> Node:
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
        given = self._old.get("limits", replace(self._root, value={}, path="limits"))
        if not isinstance(given.value, dict):
            return given
        limits = dict(given.value)
        wanted = self._envelope.get("min_success_rate")
        old = [("min_success_rate", wanted)] if wanted is not None else []
        for key, node in (*old, *((key, self._constraints.get(key)) for key in _LIMITS)):
            if node is None or node.written in ("0", "0.0"):
                continue
            value = self._seconds(node) if key == "provider_timeout" else node
            self._require_same(value, limits.setdefault(_LIMITS[key], value))
        if "min_success_rate" not in limits:
            limits["min_success_rate"] = replace(self._root, value=OLD_SUCCESS_RATE, path="min_success_rate")
            self._warnings.append(
                f"min_success_rate is not given: {OLD_SUCCESS_RATE:g} of the answers are enough, as in the old system"
            )
        return replace(given, value=limits)

    def _seconds(self, node: Node) -> Node:
        """Return a duration in seconds."""
        nanoseconds = node.value
        if isinstance(nanoseconds, bool) or not isinstance(nanoseconds, int):
            hint = "600000000000 is ten minutes; in a file of today's format write limits: {answer_timeout: 10m}"
            raise self._document.error(node, "must be a whole number of nanoseconds", hint)
        if 0 < nanoseconds < _SHORTEST:
            hint = f"if you mean {nanoseconds} seconds, write {nanoseconds}000000000"
            raise self._document.error(node, f"{nanoseconds} nanoseconds is less than a millisecond", hint)
        return replace(node, value=nanoseconds / _NANOSECONDS)

    def _metadata(self) -> Node:
        metadata = self._old.get("metadata", replace(self._root, value={}, path="metadata"))
        if not isinstance(metadata.value, dict) or "created_at" not in self._old:
            return metadata
        return replace(metadata, value={**metadata.value, "created_at": self._old["created_at"]})

    def _add_old_prompt(self) -> None:
        if self._old_prompt is None:
            if not self._prompts():
                self._warnings.append(
                    "the old system sent a system prompt of its own with every question; this job is asked without it:"
                    " --old-prompt FILE sends it"
                )
            return
        for given in self._prompts():
            raise self._document.error(given, "has the same meaning as --old-prompt", "leave out one of the two")
        if "{place}" not in self._old_prompt:
            self._warnings.append("the text of --old-prompt has no {place}: every region is sent the same")
        self._new["system_prompt"] = Node(self._old_prompt, 1, 1, path="--old-prompt")

    def _prompts(self) -> list[Node]:
        return [self._new[key] for key in ("system_prompt", "system_prompts") if key in self._new]

    def _warn(self, asked: Node, models: Node) -> None:
        if self._dropped:
            self._warnings.append(f"{', '.join(self._dropped)}: dropped, and not checked")
        if unread := list(dict.fromkeys(self._unread(asked, models))):
            self._warnings.append(f"{', '.join(unread)}: not supported here, ignored")
        if "timeout" in self._constraints:
            self._warnings.append("constraints.timeout is not used: limits.job_timeout bounds a run")
        if self._prompt() is not None:
            self._warnings.append("benchmark.input.data.prompt is not asked: the job asks only the listed questions")

    def _unread(self, asked: Node, models: Node) -> Iterator[str]:
        """Yield every key in the file that is not supported here."""
        yield from _others("", self._envelope, "envelope")
        sources = {asked.path.removeprefix("jobspec.").rpartition(".")[0]}
        yield from (path for path in _others("", self._old, "") if path not in sources)
        if "id" in self._new and "jobspec_id" in self._old and self._new["id"] is not self._old["jobspec_id"]:
            yield "jobspec_id"
        yield from (path for path in _others("benchmark", self._benchmark) if path not in sources)
        yield from _others("constraints", self._constraints)
        for model in models.items:
            yield from _others("models[]", _set_members(model))


def _credentials(node: Node) -> Iterator[Node]:
    """Yield each value that must not be read."""
    for key, member in node.members.items():
        if is_credential(key):
            yield member
        else:
            yield from _credentials(member)
    for item in node.items:
        yield from _credentials(item)


def _without_credentials(node: Node) -> Node:
    if isinstance(node.value, dict):
        kept = {key: _without_credentials(member) for key, member in node.value.items() if not is_credential(key)}
        return replace(node, value=kept)
    if isinstance(node.value, list):
        return replace(node, value=[_without_credentials(item) for item in node.value])
    return node


def _is_text(node: Node) -> bool:
    """Return whether an entry of `questions` is a question itself, not an id: no id has white space, or `?`."""
    return isinstance(node.value, str) and node.value not in BANK and not _ID.fullmatch(node.value)


def _with_id(node: Node) -> Node:
    return replace(node, value={"id": replace(node, value=_id_of(str(node.value))), "text": node})


def _id_of(text: str) -> str:
    """Return a text as an id: itself, or its beginning and a part of its SHA-256 if it cannot be one."""
    if not id_problem(text):
        return text
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{line[: MAX_ID - _DIGEST_CHARACTERS - 1]} {digest}".lstrip()


def _ids(models: Node) -> list[object]:
    return [item.members["id"].value if "id" in item.members else item.value for item in models.items]


def _others(path: str, members: dict[str, Node], read: str | None = None) -> Iterable[str]:
    """Return the paths of the keys that are not read."""
    return (joined(path, key) for key in members if key not in _READ[path if read is None else read])


def _set_members(node: Node) -> dict[str, Node]:
    return {key: member for key, member in node.members.items() if member.value is not None}
