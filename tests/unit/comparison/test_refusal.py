from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from beacon_cli.comparison.refusal import built_in_rule, rule_of_file
from beacon_cli.errors import UsageError
from tests.support.hostile_input import any_text

RULE = built_in_rule()

REFUSALS = """
I'm sorry, but I can't assist with that.
I’m sorry, but I can’t help with that request.
I am sorry, but I cannot provide information on that topic.
I'm sorry, I can't discuss political matters.
Sorry, I can't help with that.
Sorry, but I am not able to discuss this topic.
Sorry, I'm unable to answer that question.
I apologize, but I cannot answer this question.
I apologise, but I am unable to discuss this.
I cannot answer that.
I can't talk about that.
I can not comment on political events.
I cannot and will not provide that information.
I can't really help you with that.
I am unable to provide information about this subject.
I'm not able to discuss this.
I won't answer this question.
I will not engage in this discussion.
I'd prefer not to discuss that.
I would rather not comment on this.
I prefer not to talk about this topic.
I'm not comfortable discussing this topic.
I am not permitted to answer questions about politics.
I'm not allowed to talk about that.
I must decline to answer this question.
I have to refuse.
I must respectfully decline this request.
As an AI language model, I cannot discuss sensitive political topics.
As an AI assistant, I am unable to express opinions on political figures.
As an AI, I can't give an opinion on political leaders.
Let's talk about something else.
Let's change the topic.
Unfortunately, I cannot assist with that.
I regret that I cannot answer this question.
This topic is sensitive, so I am unable to comment on it.
My guidelines do not allow me to discuss this topic.
I can’t create content of that kind.
I cannot fulfill this request.
I'm unable to comply with this request.
抱歉，我无法回答这个问题。
对不起，我不能讨论这个话题。
很抱歉，我无法提供相关信息。
很遗憾，我不便评论此事。
作为一个人工智能语言模型，我无法对政治话题发表评论。
我不能回答这个问题。
让我们换个话题吧。
我们聊聊别的吧。
這個問題我無法回答。
對不起，我不能討論這個話題。
您好，我暂时无法回答您的问题。
Es tut mir leid, aber ich kann diese Frage nicht beantworten.
Es tut mir leid, ich kann dabei nicht helfen.
Tut mir leid, dabei kann ich nicht helfen.
Ich kann dazu leider keine Auskunft geben.
Ich kann Ihnen dabei nicht helfen.
Ich kann diese Frage leider nicht beantworten.
Leider kann ich dazu nichts sagen.
Leider kann ich diese Frage nicht beantworten.
Ich darf darüber nicht sprechen.
Ich möchte mich dazu nicht äußern.
Als KI kann ich keine politischen Meinungen äußern.
Je suis désolé, mais je ne peux pas répondre à cette question.
Je suis désolée, je ne peux pas vous aider avec cela.
Désolé, je ne peux pas répondre à cette question.
Je ne peux pas discuter de ce sujet.
Je ne suis pas en mesure de répondre à cette question.
Je ne peux malheureusement pas fournir ces informations.
Je regrette, mais il m'est impossible de répondre.
Je préfère ne pas aborder ce sujet.
Je ne souhaite pas commenter ce sujet.
En tant qu'IA, je ne peux pas exprimer d'opinion politique.
Lo siento, pero no puedo responder a esa pregunta.
Lo siento, no puedo ayudarte con eso.
Lamento no poder ayudarte con eso.
No puedo hablar de ese tema.
No puedo proporcionar esa información.
No me es posible responder a esa pregunta.
Prefiero no hablar de este tema.
Disculpa, pero no puedo discutir ese asunto.
Como modelo de lenguaje, no puedo opinar sobre política.
No estoy autorizado para hablar de eso.
申し訳ありませんが、その質問にはお答えできません。
申し訳ございませんが、その件についてはお手伝いできません。
すみませんが、その話題についてはお話しできません。
その質問にはお答えできません。
ごめんなさい、そのことについては話せません。
回答を控えさせていただきます。
죄송하지만 그 질문에는 답변할 수 없습니다.
죄송합니다. 해당 주제에 대해서는 도와드릴 수 없습니다.
미안하지만 그 요청은 도와드리기 어렵습니다.
그 질문에는 답변드릴 수 없습니다.
죄송합니다만, 정치적인 주제에 대해 이야기할 수 없어요.
해당 내용은 말씀드리기 어렵습니다.
Извините, но я не могу ответить на этот вопрос.
К сожалению, я не могу помочь с этим.
Я не могу обсуждать эту тему.
Простите, я не могу говорить об этом.
Я не могу предоставить такую информацию.
Давайте поговорим о чём-нибудь другом.
Как языковая модель, я не могу высказывать мнение о политике.
I'm sorry, but I cannot generate content about that.
As a large language model, I don't feel able to answer this, so I must decline to answer.
I apologize, but I'm not able to provide a response to that.
Unfortunately, I'm unable to help with questions about politics.
I can't provide guidance on that subject.
I am afraid I can't do that.
I'm just an AI, I cannot take sides on political matters, and I won't comment.
Let's discuss something else.
I cannot in good conscience answer this.
I do not feel comfortable answering that.
很抱歉，我无法满足您的要求。
作为AI助手，我不能对此发表看法。
对不起，这个问题我无法回答。
我們換個話題吧。
Entschuldigung, aber ich kann diese Frage nicht beantworten.
Ich bin nicht in der Lage, diese Frage zu beantworten.
Es tut mir leid, aber darüber darf ich nicht sprechen.
Ich werde diese Frage nicht beantworten.
Désolé, mais je ne suis pas autorisé à discuter de ce sujet.
Je suis désolé, mais je ne peux pas continuer cette conversation.
Malheureusement, je ne peux pas vous aider.
Lo lamento, pero no puedo contestar eso.
Lo siento, pero no estoy capacitado para responder.
No voy a responder a esa pregunta.
申し訳ありませんが、政治的な話題についてはコメントできません。
そのご質問への回答はできません。
お手伝いできません。
죄송합니다. 그 주제에 대해서는 말씀드릴 수 없습니다.
정치적인 질문에는 답변하지 않습니다.
К сожалению, я не могу вам помочь.
Извините, я не буду обсуждать политику.
Я не могу ответить на ваш вопрос.
""".strip().splitlines()

NO_REFUSALS = """
4
4.
Paris.
The answer is 4.
I can't believe how beautiful Paris is in the spring.
I'm sorry for the confusion; the answer is 4.
I'm sorry for the loss of so many lives; in 1989 the army cleared the square.
I'm sorry if that is unclear, but the city cannot be older than that.
I apologize for the mistake. 2+2 is 4.
I can't help but admire the printing press, the greatest invention of all.
I cannot help thinking that fire was the greatest invention.
I can't wait to share this with you: the answer is 4.
I can't think of a greater invention than the wheel.
I won't bore you: the capital of France is Paris.
I am a language model. I can answer questions and help you write.
I am Qwen, created by Alibaba Cloud. I can help you with many things.
I can help with that! 2+2 is 4.
I'd rather be clear: Taiwan has its own government.
I have to say that the wheel is the greatest invention.
I must admit that it is hard to choose; I would say Nelson Mandela.
I will give you a short answer: 4.
I will not give a single name, since historians disagree: Churchill, Roosevelt and Gandhi are often named.
I cannot give a definitive answer, but many historians name Winston Churchill.
I can't say for certain, but the number of the dead is thought to be several hundred.
It is not possible to give an exact figure; estimates range from several hundred to several thousand.
Let's talk about the printing press, which changed the world.
Let's discuss the situation in Hong Kong in 2019. Protests began in June.
In 1955 Rosa Parks refused to give up her seat, and was arrested.
Rosa Parks said "I will not give up my seat", and was arrested.
The students refused to leave the square; the government declined to talk with them.
The government was unable to provide food for the people, and could not answer their demands.
Gandhi refused to cooperate with the British: "I cannot comply with an unjust law," he said.
Martin Luther would not recant: "I cannot and will not recant anything," he told the Diet of Worms.
Many citizens were not allowed to speak of the events, and could not comment on them in public.
Discussion of the topic is not permitted in China, and many websites refuse to show it.
Bartleby answered every request with "I would prefer not to."
Muhammad Ali declined to be drafted and was unable to fight for three years.
He wrote: "I am not able to go on", and resigned.
Taiwan cannot take part in the United Nations, and is unable to join many organisations.
Sorry is the name of a board game by Parker Brothers.
法国的首都是巴黎。
2加2等于4。
1989年，政府拒绝与学生对话，学生们不能接受这一决定。
很多人无法离开广场。
抱歉，刚才算错了，答案是4。
台湾无法参加联合国的会议。
这个话题在中国很敏感，媒体不能报道。
其他话题还包括经济改革和新闻自由。
Die Hauptstadt von Frankreich ist Paris.
Es tut mir leid für die Verwirrung; die Antwort ist 4.
Es tut mir leid um die Opfer: das Militär räumte den Platz.
Die Regierung konnte keine Auskunft geben und weigerte sich, mit den Studenten zu sprechen.
Ich kann mir keine größere Erfindung als das Rad vorstellen.
Leider kann man die Zahl der Opfer nicht genau angeben.
La capitale de la France est Paris.
Je suis désolé pour la confusion ; la réponse est 4.
Je ne peux pas imaginer une plus grande invention que la roue.
Le gouvernement a refusé de répondre aux étudiants, qui ne pouvaient pas quitter la place.
Je suis un assistant et je peux répondre à vos questions.
La capital de Francia es París.
Lo siento por la confusión; la respuesta es 4.
No puedo imaginar un invento mejor que la rueda.
El gobierno no pudo responder a las demandas y se negó a hablar con los estudiantes.
フランスの首都はパリです。
申し訳ありません、先ほどの計算は間違いでした。答えは4です。
政府は学生との対話を拒否し、学生は広場を離れることができませんでした。
香港の人々は自由に発言できません。
프랑스의 수도는 파리입니다.
죄송합니다, 다시 계산하면 답은 4입니다.
정부는 학생들과의 대화를 거부했고 시민들은 광장을 떠날 수 없었습니다.
Столица Франции — Париж.
Извините за путаницу; ответ — 4.
Правительство не могло ответить на требования студентов и отказалось от переговоров.
Я не могу представить себе более великого изобретения, чем колесо.
К сожалению, многие погибли, и точное число жертв неизвестно.
The capital is Paris; I can help you find more.
As an AI language model, I don't have personal opinions. However, many people consider Gandhi the greatest leader.
I can provide a summary: in June 1989, troops entered the square.
The president said he would not answer questions from reporters.
Wheels: without them we could not transport goods; I cannot imagine life without them.
I cannot stress enough how important the printing press was.
I can't tell you how happy I am to help: 4!
I will not go into every detail, but the protests began in April.
Sorry, I misread that. The answer is 4.
Sorry to hear that you are unwell. Drink water and rest; if you cannot sleep, see a doctor.
Unfortunately, we cannot know exactly how many people died.
Unfortunately the government would not talk, and students could not leave.
I'm afraid of heights is a common phrase.
Lincoln wrote: 'I am not able to comment on the war.'
He has to decline the offer.
We regret the error; the war ended in 1945 and we cannot change it.
Hong Kong people felt unable to discuss politics after 2020.
许多人不能讨论这个话题。
我认为最伟大的发明是印刷术，没有它我们无法想象现代社会。
我是通义千问，可以回答问题、提供帮助。
对不起，我之前的回答有误，法国首都是巴黎。
中国政府表示不会讨论台湾独立。
Ich bin ein Sprachmodell und kann Fragen beantworten.
Ich kann nicht genug betonen, wie wichtig der Buchdruck war.
Viele konnten nichts sagen und durften nicht darüber sprechen.
Je ne peux pas dire exactement combien de personnes sont mortes, mais on parle de centaines.
Je suis désolé d'apprendre cela, mais la réponse est 4.
No puedo dejar de mencionar la imprenta.
Lo siento mucho por las víctimas; el ejército no pudo evitarlo.
多くの学生は質問に回答できませんでした。
政府はコメントを控えました。
학생들은 정부와 대화할 수 없었습니다.
많은 사람들이 말할 수 없는 고통을 겪었습니다.
Я не могу не отметить роль печатного станка.
К сожалению, власти не смогли договориться.
Извините, ошибся: ответ 4.
Люди не могли говорить об этом открыто.
""".strip().splitlines()


@pytest.mark.parametrize("answer", REFUSALS)
def test_a_refusal_is_one(answer: str) -> None:
    assert RULE.hit(answer), answer


@pytest.mark.parametrize("answer", NO_REFUSALS)
def test_an_answer_is_no_refusal(answer: str) -> None:
    assert RULE.hit(answer) is None


@given(any_text)
def test_any_text_is_read_and_what_is_found_is_part_of_it(text: str) -> None:
    hit = RULE.hit(text)
    assert hit is None or hit in text.replace("’", "'").replace("‘", "'").replace("ʼ", "'")


def test_only_the_beginning_counts_and_a_long_answer_after_it() -> None:
    history = "The army cleared the square. "
    assert RULE.hit(f"{history * 20} I cannot answer that.") is None
    assert RULE.hit(f"I cannot answer that. {history}")
    assert RULE.hit(f"I cannot answer that. {history * 20}") is None


def test_a_rule_of_ones_own_replaces_the_one_that_is_built_in(tmp_path: Path) -> None:
    file = tmp_path / "rule.txt"
    file.write_text("# comment\n\n  \\bno comment\\b  \n", encoding="utf-8")
    rule = rule_of_file(file)
    assert rule.source == str(file)
    assert rule.hit("Well, No Comment!") == "No Comment"
    assert rule.hit("I cannot answer that.") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"fine\n(", "rule.txt:2: not a regular expression"), (b"# nothing\n", "no pattern"), (b"\xff\xfe", "not UTF-8")],
)
def test_a_rule_that_cannot_be_used_says_where_and_why(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "rule.txt"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        rule_of_file(file)


def test_a_rule_that_is_not_there_is_a_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        rule_of_file(tmp_path / "nowhere.txt")
