"""How large a request may be, and what it need not say.

Job files are held to the same limits, so that a job never fails on them half-way.
"""

DEFAULT_TEMPERATURE = 0.1
DEFAULT_MAX_TOKENS = 500
MAX_PROMPT_CHARACTERS = 32_000
MAX_SYSTEM_PROMPT_CHARACTERS = 8_000
MAX_TOKENS = 4_096
MAX_STOPS = 4  # as in OpenAI's API
MAX_STOP_CHARACTERS = 500
MAX_WAITING = 16  # requests for one model, beside the one that is answered
# Room for both prompts and the texts that end an answer, at their limits, with every character written as two \uXXXX
# escapes.
MAX_BODY_BYTES = 512 * 1024
