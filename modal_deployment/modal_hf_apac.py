"""`modal deploy modal_deployment/modal_hf_apac.py`; `beacon deploy modal` deploys every configured region."""

from modal_deployment.app import build_app
from modal_deployment.contents import built_in

app = build_app(built_in("apac"))
