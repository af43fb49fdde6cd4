"""Where an answer was made, from the variables that Modal sets in a container."""

from __future__ import annotations

import pytest

from modal_deployment.container_facts import container_facts
from modal_deployment.receipts import ContainerFacts, Siblings
from tests.support.toy_region import GPU

MODAL = {"MODAL_TASK_ID": "ta-1", "MODAL_REGION": "us-ashburn-1", "MODAL_CLOUD_PROVIDER": "CLOUD_PROVIDER_OCI"}


def test_the_facts_are_those_of_the_container_and_its_gpu() -> None:
    siblings = Siblings("inference", 2)
    facts = container_facts(GPU, siblings, MODAL)
    assert facts == ContainerFacts("ta-1", "us-ashburn-1", GPU, "modal-oci", siblings)
    assert facts.gpu == "Tesla T4"


def test_without_a_gpu_none_is_named() -> None:
    assert container_facts(None, environ=MODAL).gpu is None


def test_what_modal_does_not_say_is_not_made_up() -> None:
    assert container_facts(None, environ={"MODAL_REGION": ""}) == ContainerFacts("unknown", None, None, "modal")


def test_the_variables_are_read_at_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    for task in ("ta-1", "ta-2"):
        monkeypatch.setenv("MODAL_TASK_ID", task)
        assert container_facts(None).container_id == task
