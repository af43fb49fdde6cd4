"""A model of the Llama architecture with random weights, small enough to make in a test: no hub, no download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WINDOW = 256
_SPECIAL = ("<|begin|>", "<|turn|>", "<|end|>")
END = _SPECIAL.index("<|end|>")
_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|turn|>{{ message.role }}:{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant:{% endif %}"
)


def make_tiny_model(folder: Path, *, weights_seed: int = 0) -> Path:
    """Save weights and a tokenizer of one token per byte to `folder`, and return it."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=WINDOW,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(weights_seed)
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = (*_SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet()))
    bytes_only = Tokenizer(models.BPE(vocab={word: index for index, word in enumerate(words)}, merges=[]))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_only, bos_token="<|begin|>", eos_token="<|end|>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|turn|>"]})
    tokenizer.chat_template = _TEMPLATE
    return tokenizer
