"""A generator of fixed answers, for tests and for demonstrating failures. Its answers name it `scripted`.

A script is a YAML 1.2 or JSON file, given in `beacon.toml` as `[local.models."my-model"] script = "answers.yaml"`:

    default: "I am {model}, and I answer from {place}."
    rules:                                 # in order; the first rule that matches answers
      - prompt: "2+2"                      # a part of the question's text
        response: "4"                      # may be ""
        latency: 0.05                      # seconds, or [0.05, 0.2]: chosen by prompt, region and seed
      - prompt: "capital"
        region: eu                         # id, label or alias
        times: 2                           # only the first two times (in each region), then the rules below
        error: {status: 429, code: busy, type: rate_limit, message: "come back later", retry_after: 1}
      - prompt: "essay"
        response: "It was"
        finish_reason: length              # stop, unless said; content_filter: a filter ended the answer
        reasoning_content: "Well…"         # a thought that is sent apart from the response
      - prompt: "invention"
        response: ["the wheel", "fire"]    # one of them: chosen by model, prompt, region and seed, or
                                           # by chance without a seed, unless the temperature is 0
      - region: apac
        response: "I am somebody else"
        claims_region: us                  # the answer names another region, or another model, than was asked
        claims_model: qwen2.5-1.5b
      - latency: 0.05                      # a rule without `prompt` and `region` matches all; here: the default, later

`{region}` (its id), `{place}` (its label if the place is not known), `{model}` and `{prompt}` are replaced in a
response; nothing else in it is special. `retry_after` may be any text, to test how clients handle it. A response's
tokens are its words.
"""

from __future__ import annotations

import hashlib
import random
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from beacon_cli.console.program_name import command
from beacon_cli.errors import ConfigError
from modal_deployment.generation import Generated, GenerationRequest
from modal_deployment.refusal import Refusal
from modal_deployment.regions import Region, Regions

_PLACEHOLDER = re.compile(r"\{(region|place|model|prompt)\}")
_LONGEST_LATENCY = 3600.0

Seconds = Annotated[float, Field(ge=0, le=_LONGEST_LATENCY, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ScriptedError(_Strict):
    """An HTTP error instead of an answer."""

    status: int = Field(ge=400, le=599)
    code: str = "scripted_error"
    type: str | None = None
    message: str = "an error from the script"
    retry_after: str | int | float | None = None

    @field_validator("retry_after")
    @classmethod
    def _header_text(cls, value: str | int | float | None) -> str | int | float | None:
        if isinstance(value, str) and not (value.isascii() and value.isprintable()):
            raise ValueError("must be printable ASCII")
        return value


class Rule(_Strict):
    """A rule: when it applies (`prompt`, `region`, `times`), and what happens then. Without a response: the default."""

    prompt: str | None = None
    region: str | None = None
    times: int | None = Field(default=None, ge=1)
    response: str | Annotated[list[str], Field(min_length=1)] | None = None
    finish_reason: str = "stop"
    reasoning_content: str | None = None
    latency: Seconds | tuple[Seconds, Seconds] = 0.0
    error: ScriptedError | None = None
    claims_region: str | None = None
    claims_model: str | None = None

    @field_validator("latency", mode="before")
    @classmethod
    def _pair(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("region")
    @classmethod
    def _region_id(cls, name: str | None, info: ValidationInfo) -> str | None:
        assert isinstance(info.context, Regions)
        return None if name is None else info.context.named(name).id

    def matches(self, prompt: str, region_id: str) -> bool:
        """Return whether the rule is for this question in this region."""
        return (self.prompt is None or self.prompt in prompt) and self.region in (None, region_id)

    def seconds(self, request: GenerationRequest, region_id: str) -> float:
        """Return the latency of this request: always the same for the same prompt, region and seed."""
        if not isinstance(self.latency, tuple):
            return self.latency
        low, high = self.latency
        return low + (high - low) * _share(request.prompt, region_id, request.seed)

    def template(self, request: GenerationRequest, region_id: str, model_id: str) -> str | None:
        """Return the response's text with its placeholders; None for the default."""
        if not isinstance(self.response, list):
            return self.response
        if request.seed is None and request.temperature > 0:
            return random.choice(self.response)
        share = _share(model_id, request.prompt, region_id, request.seed)
        return self.response[int(share * len(self.response))]


def _share(*key: object) -> float:
    """Return a number from 0 to 1, excluding 1, determined by the key."""
    text = "\0".join(map(str, key)).encode(errors="surrogatepass")
    return (int.from_bytes(hashlib.sha256(text).digest()[:8]) >> 11) / 2**53


def _no_rules(value: object) -> object:
    return [] if value is None else value


class Script(_Strict):
    """A script, as described in the module's docstring."""

    default: str = "A scripted answer from {place}."
    rules: Annotated[list[Rule], BeforeValidator(_no_rules)] = []


def load_script(path: Path, *, regions: Regions) -> Script:
    """Return the script in a file; its rules may name these regions. Raises `ConfigError` with the file and the key."""
    document = _read(path)
    try:
        return Script.model_validate({} if document is None else document, context=regions)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the script"
        raise ConfigError(
            f"{path}: {key}: {first['msg']}", hint=f"{command('docs endpoints')} describes scripts"
        ) from None


def _read(path: Path) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark is not None else ""
        raise ConfigError(f"{path}{line}: {error.problem or 'not YAML'}") from error
    except (YAMLError, RecursionError) as error:
        raise ConfigError(f"{path}: not YAML ({type(error).__name__})") from error


class ScriptedGenerator:
    """Answers according to a script, for one model in one region."""

    architecture = "scripted"

    def __init__(self, script: Script, *, model_id: str, region: Region) -> None:
        self._script = script
        self._model_id = model_id
        self._region = region
        self._uses = [0] * len(script.rules)

    def generate(self, request: GenerationRequest) -> Generated:
        """Return the answer of the first rule that matches, after its latency; its error is raised as `Refusal`.

        Numbers of tokens are numbers of words. Raises `Refusal` (400) for what a script cannot do.
        """
        _refuse_sampling(request)
        rule = self._rule_for(request.prompt)
        if request.cancelled.wait(rule.seconds(request, self._region.id)):
            return Generated("", 0, "cancelled")
        if rule.error is not None:
            raise _refusal(rule.error)
        template = rule.template(request, self._region.id, self._model_id)
        text = self._filled(self._script.default if template is None else template, request.prompt)
        return Generated(
            text,
            len(text.split()),
            rule.finish_reason,
            model=rule.claims_model,
            region=rule.claims_region,
            thought=rule.reasoning_content,
            prompt_tokens=sum(len(message["content"].split()) for message in request.messages()),
        )

    def _rule_for(self, prompt: str) -> Rule:
        for index, rule in enumerate(self._script.rules):
            if rule.matches(prompt, self._region.id) and (rule.times is None or self._uses[index] < rule.times):
                self._uses[index] += 1
                return rule
        return Rule()

    def _filled(self, template: str, prompt: str) -> str:
        values = {
            "region": self._region.id,
            "place": self._region.place or self._region.label,
            "model": self._model_id,
            "prompt": prompt,
        }
        return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


def _refuse_sampling(request: GenerationRequest) -> None:
    for name, asked in (("stop", request.stop), ("top_p", request.top_p not in (None, 1.0))):
        if asked:
            message = f"{name} has no effect on a scripted model; leave it out"
            raise Refusal(400, "unsupported_parameter", message, parameter=name)


def _refusal(error: ScriptedError) -> Refusal:
    retry_after = None if error.retry_after is None else str(error.retry_after)
    return Refusal(error.status, error.code, error.message, kind=error.type, retry_after=retry_after)
