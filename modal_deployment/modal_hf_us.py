"""`modal deploy modal_deployment/modal_hf_us.py`, after `modal run modal_deployment/modal_hf_us.py::weights.fetch`.

`beacon deploy modal` does both for every configured region.
"""

from modal_deployment.app import build_app, build_weights_app
from modal_deployment.contents import built_in

app = build_app(built_in("us"))
weights, fetch = build_weights_app(built_in("us"))
