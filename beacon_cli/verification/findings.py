"""The possible findings of a verification: their codes, severities, and hints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from beacon_cli.console.program_name import command
from beacon_cli.console.redaction import redacted
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.errors import ProblemsFound

Severity = Literal["fail", "warn"]
Target = Literal["modal", "local"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem of a region. `code` is a key of `CODES`."""

    severity: Severity
    code: str
    message: str
    hint: str

    def as_problem(self, label: str) -> ProblemsFound:
        """Return it as an error of the region with this label."""
        problem = ProblemsFound(f"{label}: {self.message}", hint=self.hint)
        problem.code = self.code
        return problem


@dataclass(frozen=True, slots=True)
class _Code:
    severity: Severity
    hint: str
    local_hint: str = ""
    openai_hint: str = ""


_DEPLOY_MODAL = command("deploy modal")
_SERVE = command("serve")
_DEPLOY = f"deploy what beacon.toml says ({_DEPLOY_MODAL}), or restore beacon.toml"
_RESTART = f"stop {_SERVE} and start it again: it then serves what beacon.toml sets now"
_URL = "check this region's URLs in beacon.toml"
_OWN_URL = "check base_url and proxy in {table} of beacon.toml"
_ELSEWHERE = (
    'Beacon deployed nothing there: check what the endpoint serves; if it speaks OpenAI\'s API, set api = "openai" in'
    " {table} of beacon.toml"
)
_CREDENTIALS = "set BEACON_PROXY_KEY and BEACON_PROXY_SECRET to a live proxy token"

SAID_BY_MODAL = frozenset({"app_stopped", "never_deployed"})
"""The codes of findings that Modal's own answer shows, so that the endpoint is there wherever its URL stands."""

CODES: dict[str, _Code] = {
    "unreachable": _Code(
        "fail",
        f"{_URL}, the network, and the proxy if the message names one",
        f"start it: {_SERVE}",
        f"{_OWN_URL}, and the network",
    ),
    "no_answer": _Code(
        "fail",
        "raise --timeout, or read the app's log on Modal: it does not start",
        _RESTART,
        f"raise --timeout, or {_OWN_URL}",
    ),
    "tls_failed": _Code(
        "fail", "check the certificate, and the host name in beacon.toml; certificates are always verified"
    ),
    "never_deployed": _Code("fail", f"{_DEPLOY_MODAL}, or {_URL}", _RESTART),
    "app_stopped": _Code("fail", f"the app was stopped: {_DEPLOY_MODAL} starts it again"),
    "app_paused": _Code("fail", "check the workspace's state and its billing on modal.com"),
    "unauthorized": _Code("fail", _CREDENTIALS, openai_hint="{credentials}"),
    "proxy_refused": _Code(
        "fail",
        "correct the user and password in the variable that names the proxy, such as HTTPS_PROXY",
        openai_hint="{proxy}",
    ),
    "no_credit": _Code("fail", "the account of these credentials has no credit left: top it up"),
    "blocked_here": _Code(
        "fail", "the provider does not serve the place that it is asked from: proxy in {table} sets another way there"
    ),
    "open_endpoint": _Code(
        "fail",
        f"anybody can use it at your cost: {_DEPLOY_MODAL}, which requires a proxy token, and set its credentials",
        f"start {_SERVE} with the same BEACON_PROXY_KEY and BEACON_PROXY_SECRET",
    ),
    "unusable_answer": _Code(
        "fail",
        f"{_URL}: this does not look like an endpoint of Beacon",
        openai_hint="check base_url in {table} of beacon.toml: /models and /chat/completions are added to it",
    ),
    "endpoint_error": _Code(
        "fail",
        f"read the app's log on Modal, then {_DEPLOY_MODAL}",
        _RESTART,
        "the error is the endpoint's own: read its log, or the provider's status page",
    ),
    "unhealthy": _Code("fail", f"read the app's log on Modal, then {_DEPLOY_MODAL}", _RESTART),
    "missing_model": _Code(
        "fail",
        _DEPLOY,
        _RESTART,
        "set its name in {table}.models to what the endpoint calls it; --probe asks it all the same",
    ),
    "extra_model": _Code("fail", _DEPLOY, _RESTART),
    "renamed_model": _Code("fail", _DEPLOY, _RESTART),
    "listed_twice": _Code("fail", _DEPLOY, _RESTART),
    "different_revision": _Code("fail", _DEPLOY, _RESTART),
    "registry_differs": _Code("fail", _DEPLOY, _RESTART),
    "different_image": _Code(
        "fail", f"{_DEPLOY_MODAL}, which installs the same in every region; all of them with one version of Beacon"
    ),
    "region_mismatch": _Code(
        "fail",
        f"{_URL}: answers from here would be published under the wrong region",
        openai_hint="check base_url in {table} of beacon.toml; or add the place to its container_prefixes",
    ),
    "probe_failed": _Code(
        "fail",
        "read the app's log on Modal; a slow start needs a longer --timeout",
        _RESTART,
        "correct what the message names in {table} of beacon.toml; a slow answer needs a longer --timeout",
    ),
    "nan_logits": _Code(
        "fail", f"deploy the model on a GPU that computes in bfloat16 (models.*.gpu), such as L4: {_DEPLOY_MODAL}"
    ),
    "gpu_failed": _Code("fail", "wait a minute and ask again: another container answers by then"),
    "models_unlisted": _Code(
        "warn", "nothing proves what it serves: --probe asks each model; check base_url in {table} of beacon.toml"
    ),
    "image_unknown": _Code("warn", f"{_DEPLOY_MODAL} replaces an older deployment, which does not report it"),
    "old_deployment": _Code("warn", f"it works without a models function; {_DEPLOY_MODAL} replaces it"),
    "region_unreported": _Code("warn", f"nothing proves where this is; {_DEPLOY_MODAL} replaces an old deployment"),
    "container_region_unknown": _Code(
        "warn",
        f"nothing proves where this ran; {_DEPLOY_MODAL} records it",
        openai_hint="it is in no known region: if it lies in this one, add it to container_prefixes in {table}",
    ),
    "empty_answer": _Code("warn", f"the model answered without text; ask it a question with {command('run')}"),
}


def finding(code: str, message: str, target: Target, severity: Severity | None = None) -> Finding:
    """Return a finding with the hint for its target; `severity` overrides the code's own.

    An endpoint may echo what it received, including credentials: those are removed from the message.
    """
    known = CODES[code]
    hint = known.local_hint if target == "local" and known.local_hint else known.hint
    return Finding(severity or known.severity, code, redacted(message), hint)


# The codes of findings for an answer that failed; every other failure is `probe_failed`.
_OF_FAILURES = {
    **{
        code: code
        for code in ("region_mismatch", "unauthorized", "proxy_refused", "no_credit", "nan_logits", "gpu_failed")
    },
    **dict.fromkeys(("geo_blocked", "legal_blocked"), "blocked_here"),
}


def code_of_failure(error_code: str) -> str:
    """Return the code of the finding for a model whose answer failed with this error code."""
    return _OF_FAILURES.get(error_code, "probe_failed")


def finding_at(
    endpoint: Endpoint, code: str, message: str, target: Target, severity: Severity | None = None
) -> Finding:
    """Return a finding whose hint also fits an endpoint that speaks OpenAI's API: nothing is deployed there."""
    found = finding(code, message, target, severity)
    if endpoint.api == "openai":
        hint = (CODES[code].openai_hint or found.hint).format(
            table=f"regions.{endpoint.region.id}", credentials=endpoint.access.hint, proxy=endpoint.access.proxy_hint
        )
        return replace(found, hint=hint)
    return found


def fitted_elsewhere(found: Finding, region_id: str) -> Finding:
    """Return the finding of an endpoint with a `base_url` of one's own, which no deployment changes."""
    if _DEPLOY_MODAL not in found.hint or found.code in SAID_BY_MODAL:
        return found
    return replace(found, hint=_ELSEWHERE.format(table=f"regions.{region_id}"))
