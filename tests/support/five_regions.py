"""Five regions of three kinds on loopback, and the `beacon.toml` that names them."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.support.openai_servers import VLLM, Azure, DeepSeek, Ollama, OpenAI, serving
from tests.support.proxies import Socks5, proxying
from tests.support.regions_server import Regions, regions_server

TOPIC = "uprising"
"""A question with this word is blocked in CN."""

EU_KEY, CL_KEY, CN_KEY = "token-of-the-vllm-server", "0123456789abcdef0123456789abcdef", "sk-of-the-commercial-api"
PROXY_LOGIN = ("researcher", "password-of-the-proxy")

JOB = f"""
id: five-regions
questions:
  - {{id: capital, text: "What is the capital of your country?"}}
  - {{id: uprising, text: "How did the {TOPIC} of that year end?"}}
models: [llama3.2-1b, qwen2.5-1.5b]
regions: [US, EU, CL, BR, CN]
repeats: 4
generation: {{temperature: 0.7, seed: 1, max_tokens: 64}}
"""

TOML = """
[regions.us]                              # Beacon's own servers
base_url = "{us}/us"

[regions.eu]                              # vLLM
api = "openai"
base_url = "{eu}"
key_env = "EU_API_KEY"
models."llama3.2-1b".name = "meta-llama/Llama-3.2-1B-Instruct"
models."qwen2.5-1.5b".name = "Qwen/Qwen2.5-1.5B-Instruct"

[regions.cl]                              # Azure: a deployment has a base URL of its own
api = "openai"
auth = "api-key"
key_env = "CL_API_KEY"
place = "Chile"
container_prefixes = ["chilecentral"]     # what Azure calls it, without blanks
models."llama3.2-1b".base_url = "{cl_llama}?api-version=2024-10-21"
models."qwen2.5-1.5b".base_url = "{cl_qwen}?api-version=2024-10-21"

[regions.br]                              # Ollama, asked from elsewhere
api = "openai"
base_url = "http://ollama.example.test:11434/v1"
proxy_env = "BR_PROXY"
place = "Brazil"
models."llama3.2-1b".name = "llama3.2:1b"
models."qwen2.5-1.5b".name = "qwen2.5:1.5b"

[regions.cn]                              # a commercial API that blocks a topic
api = "openai"
base_url = "{cn}"
key_env = "CN_API_KEY"
place = "China"
models."llama3.2-1b".name = "llama-chat"
models."qwen2.5-1.5b".name = "qwen-chat"
"""


_WORDS = ("old", "long", "plain", "new", "short", "odd", "quiet", "last")


def _says(place: str) -> Callable[[str], str]:
    """Return what a model says there: never twice the same."""

    def says(question: str) -> str:
        one, other = random.choices(_WORDS, k=2)
        return f"As seen from {place}, the {one} answer to {question!r} is a {other} one."

    return says


@dataclass
class FiveRegions:
    """The servers, the way to one of them, and what `beacon` needs to ask them."""

    us: Regions = field(default_factory=lambda: Regions(padding=24))
    eu: VLLM = field(
        default_factory=lambda: VLLM(
            models=("meta-llama/Llama-3.2-1B-Instruct", "Qwen/Qwen2.5-1.5B-Instruct"),
            key=EU_KEY,
            says=_says("Europe"),
        )
    )
    cl: Azure = field(
        default_factory=lambda: Azure(
            models=("llama-1b", "qwen-1-5b"), key=CL_KEY, says=_says("Chile"), place="Chile Central"
        )
    )
    br: Ollama = field(default_factory=lambda: Ollama(models=("llama3.2:1b", "qwen2.5:1.5b"), says=_says("Brazil")))
    cn: DeepSeek = field(
        default_factory=lambda: DeepSeek(
            models=("llama-chat", "qwen-chat"), key=CN_KEY, says=_says("China"), topic=TOPIC, thought="Let me see."
        )
    )
    way: Socks5 = field(default_factory=lambda: Socks5(login=PROXY_LOGIN))

    @property
    def chat(self) -> dict[str, OpenAI]:
        """The four that speak OpenAI, by label."""
        return {"EU": self.eu, "CL": self.cl, "BR": self.br, "CN": self.cn}

    @property
    def toml(self) -> str:
        return TOML.format(
            us=self.us.url,
            eu=self.eu.base_url,
            cl_llama=self.cl.deployment_url("llama-1b"),
            cl_qwen=self.cl.deployment_url("qwen-1-5b"),
            cn=self.cn.base_url,
        )

    @property
    def environment(self) -> dict[str, str]:
        user, password = PROXY_LOGIN
        return {
            "EU_API_KEY": EU_KEY,
            "CL_API_KEY": CL_KEY,
            "CN_API_KEY": CN_KEY,
            "BR_PROXY": f"socks5h://{user}:{password}@{self.way.address}",
        }


@contextlib.contextmanager
def five_regions(latency: float = 0.0) -> Iterator[FiveRegions]:
    """Serve all five until the end of the block; each answer takes `latency` seconds."""
    regions = FiveRegions()
    regions.us.latency = latency
    with contextlib.ExitStack() as stack:
        stack.enter_context(regions_server(regions.us))
        for server in regions.chat.values():
            server.latency = latency
            stack.enter_context(serving(server))
        stack.enter_context(proxying(regions.way))
        regions.way.places = {"ollama.example.test": int(regions.br.url.rsplit(":", 1)[1])}
        yield regions
