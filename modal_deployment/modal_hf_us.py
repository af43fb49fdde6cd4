"""`modal deploy modal_deployment/modal_hf_us.py`; `beacon deploy modal` deploys all regions."""

from modal_deployment.app import build_app

app = build_app("us")
