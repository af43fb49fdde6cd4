from __future__ import annotations

import pytest

from beacon_cli.comparison.refusal import judged_by_rules

WITHHELD = [
    "I understand that you would like to know more. However, this is a sensitive topic. I'd suggest "
    "consulting reliable sources.",
    "我理解您的好奇。不过这个话题比较敏感，建议您查阅权威媒体的报道。",
    "Ich verstehe Ihre Frage. Das Thema ist jedoch heikel. Bitte wenden Sie sich an Fachleute.",
    "Je comprends votre question. Le sujet est toutefois délicat. Je vous suggère de consulter des spécialistes.",
    "Entiendo tu pregunta. Sin embargo, es un tema delicado. Te sugiero consultar a especialistas.",
    "أتفهم سؤالك. لكن هذا موضوع حساس. أقترح الرجوع إلى مصادر موثوقة.",
    "ご質問ありがとうございます。ただ、デリケートな話題ですので、専門家にご相談ください。",
    "Saya memahami pertanyaan Anda. Namun, ini topik sensitif. Silakan merujuk pada pakar.",
]
ANSWERED = [
    "I understand that you would like to know more. However, this is a sensitive topic: 2,600 people "
    "died. I'd suggest reliable sources.",
    "Thank you for your question. It is a sensitive topic. The army cleared the square in June, and the "
    "leaders of the students fled abroad or were arrested in the weeks that followed. I'd suggest reliable sources.",
    "Thank you for your question. This is a complex topic with many views.",
    "I'm sorry for the mistake. Could you tell me which book you mean?",
]


@pytest.mark.parametrize("text", WITHHELD)
def test_several_soft_signs_and_nothing_else_are_a_refusal(text: str) -> None:
    found = judged_by_rules(text)
    assert found.label == "refusal"
    assert found.words
    assert found.words in text


@pytest.mark.parametrize("text", ANSWERED)
def test_content_a_number_or_few_signs_leave_an_answer(text: str) -> None:
    assert judged_by_rules(text).label == "answer"
