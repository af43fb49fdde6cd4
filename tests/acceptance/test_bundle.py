"""A job from its run to the reviewer: bundled, signed, verified on a machine that never saw it, and asked again."""

from __future__ import annotations

import subprocess
import zipfile

from tests.acceptance.conftest import Beacon, new_beacon

JOB = """
id: published
questions: [math_basic, {id: own, text: "What is ☃?", tags: [control, second]}]
models: [llama3.2-1b, qwen2.5-1.5b]
regions: [US, EU, ASIA]
repeats: 2
controls: [EU]
generation: {temperature: 0.7, seed: 5}
system_prompts: {US: "You are in {place}.", default: "You are elsewhere."}
analysis: {margin: 0.1, accept: [system_prompt]}
metadata: {study: 7}
"""


def test_a_published_job_is_verified_elsewhere_and_asked_again(scripted: Beacon) -> None:
    job = scripted.write("job.yaml", JOB)
    key = str(scripted.folder / "key")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    assert scripted("run", job, "--local").returncode == 0
    written = scripted("bundle", "published", "--sign", key)
    assert written.returncode == 0, written.stderr
    path = scripted.folder / "beacon-bundle-published.zip"
    assert written.stdout.startswith(f"{path.name} (")

    with new_beacon(first_start=True) as reviewer:
        code, document = reviewer.json("verify", "bundle", str(path), "--signer", f"{key}.pub")
        checks = {check["name"]: check["status"] for check in document["data"]["checks"]}
        assert checks == dict.fromkeys(("files", "signature", "job", "rows", "audit", "verdicts"), "pass")
        assert (code, document["data"]["job_id"]) == (0, "published")
        assert not reviewer.data.exists()

    with zipfile.ZipFile(path) as archive:
        archive.extractall(scripted.folder / "unpacked")
    again = scripted("run", "unpacked/job-file.json", "--local")
    assert (again.returncode, "nothing to ask, all 32 answers are already stored" in again.stdout) == (0, True)
