"""The calls of `tutor.speaking_views`, described."""

from conversations.schema import CONVERSATION_ID
from talking_agent.openapi import (
    NUMBER,
    STRING,
    WHOLE,
    YES_OR_NO,
    Schema,
    call,
    in_path,
    kept,
    list_of,
    or_null,
    shape,
)
from tutor import language
from tutor.analysis import COMPONENTS
from tutor.bodies import MAX_CONTENT, MODES
from tutor.scenario import LEVELS
from tutor.speaking_views import MAX_SPOKEN, MAX_TRANSLATED, MP3

TAG = "speaking"
REFUSED = (400, 403, 411, 413, 501, 503)
ENGINE: dict[str, Schema] = {"engine": {**STRING, "description": "The engine that did it."}}
LANGUAGE: Schema = {"type": "string", "enum": list(language.load_all())}
LINE = shape(
    {"role": {"type": "string", "enum": ["user", "assistant"]}, "content": {"maxLength": MAX_CONTENT, **STRING}}
)
ABOUT: dict[str, Schema] = {
    "topic": {"type": "string", "maxLength": 500},
    "difficulty": {
        **WHOLE,
        **{"minimum": 1, "maximum": len(LEVELS), "default": 3, "description": f"{LEVELS[0]} to {LEVELS[-1]}."},
    },
    "language": {**LANGUAGE, "default": language.DEFAULT, "description": "That things are explained in."},
    "mode": {"type": "string", "enum": list(MODES), "default": next(iter(MODES))},
}
SCORE = or_null({**NUMBER, "description": "null: not measured; `unmeasured` says why."})
ANALYSIS: dict[str, Schema] = {
    "componentScores": shape(dict.fromkeys(COMPONENTS, SCORE)),
    **dict.fromkeys(("baseScore", "rawScore", "finalScore", "expectationScore"), SCORE),
    "lengthBonus": NUMBER,
    "metExpectations": or_null(YES_OR_NO),
    "speakingMetrics": shape(
        {
            "totalWords": WHOLE,
            "estimatedSeconds": NUMBER,
            "idealSeconds": or_null(NUMBER),
            "speakingRatio": or_null(NUMBER),
        }
    ),
    "strengths": list_of(STRING),
    "improvements": list_of(STRING),
    "feedback": STRING,
    "suggestions": list_of(
        shape(dict.fromkeys(("type", "original", "alternative", "explanation", "category"), STRING))
    ),
    "unmeasured": {"type": "object", "additionalProperties": STRING, "description": "Which score is null, and why."},
    "judgedTurns": {
        **shape({"newest": WHOLE, "all": WHOLE}),
        "description": "How many of the learner's turns it is about: fewer than all, where the talk is very long.",
    },
    **ENGINE,
}
SPOKEN = kept(
    {"audioUrl": STRING, "audioS3Key": STRING, "audioDuration": {**NUMBER, "description": "Seconds."}, **ENGINE}
)
TARGET = shape({"targetLanguage": LANGUAGE})
TRANSLATED = shape({"translation": STRING, **ENGINE})
SOUND: Schema = {
    "type": "string",
    "contentMediaType": "application/octet-stream",
    "description": "A file in any common format, at most 25 MB and 10 minutes.",
}

SPEAK = call(
    "textToSpeech",
    "Speak a text",
    SPOKEN,
    *(*REFUSED, 410),
    tag=TAG,
    body={
        "application/json": shape(
            {"text": {"type": "string", "maxLength": MAX_SPOKEN}},
            {"voice": {"maxLength": 100, **STRING}, "conversationId": STRING, "messageId": STRING},
        )
    },
    says="With both ids: kept as the recording of that message of the agent's, and answered with a link. Otherwise the sound "
    "itself. The header `X-Engine` of sound names the engine.",
)
SPEAK["responses"]["200"]["content"][MP3] = {"schema": {"type": "string", "contentMediaType": MP3}}
HEAR = call(
    "speechToText",
    "The words in a recording",
    shape({"text": {**STRING, "description": "Verbatim; empty where nobody speaks."}, **ENGINE}),
    *REFUSED,
    tag=TAG,
    body={"multipart/form-data": shape({"audio": SOUND}, {"language": {**STRING, "default": "en"}})},
)
TRANSLATE = call(
    "translate",
    "Translate a text",
    TRANSLATED,
    *REFUSED,
    tag=TAG,
    body={
        "application/json": shape({"text": {"type": "string", "maxLength": MAX_TRANSLATED}, "targetLanguage": LANGUAGE})
    },
)
CHAT = call(
    "chat",
    "The agent's next line",
    shape({"message": STRING, **ENGINE}),
    *REFUSED,
    tag=TAG,
    body={"application/json": shape({"messages": list_of(LINE)}, ABOUT)},
    says="Nothing is kept. Without messages yet: its first line.",
)
ANALYSE = call(
    "analyzeConversation",
    "What can be said of a talk",
    shape(ANALYSIS),
    *REFUSED,
    tag=TAG,
    body={
        "application/json": shape(
            {"conversation": list_of(LINE)}, {"timeLimit": {**NUMBER, "description": "Minutes."}, **ABOUT}
        )
    },
    says="Nothing is kept, and what was not measured is null.",
)
ANALYSE_KEPT = call(
    "analyzeKeptConversation",
    "Analyse a conversation that is kept",
    kept({"success": {"const": True}, "analysis": shape(ANALYSIS)}),
    *(403, 404, 410, 411, 413, 501, 503),
    tag="conversations",
    parameters=[CONVERSATION_ID],
    says="The analysis is kept with it, in place of one before.",
)
TRANSLATE_KEPT = call(
    "translateMessage",
    "Translate a message that is kept",
    TRANSLATED,
    *(400, 403, 404, 411, 413, 422, 501, 503),
    tag="messages",
    parameters=[CONVERSATION_ID, in_path("message_id", "The message's id.")],
    body={"application/json": TARGET},
)
PATHS: dict[str, Schema] = {
    "/api/text-to-speech": {"post": SPEAK},
    "/api/speech-to-text": {"post": HEAR},
    "/api/translate": {"post": TRANSLATE},
    "/api/chat": {"post": CHAT},
    "/api/analyze-conversation": {"post": ANALYSE},
    "/api/conversations/{id}/analysis": {"post": ANALYSE_KEPT},
    "/api/conversations/{id}/messages/{message_id}/translation": {"post": TRANSLATE_KEPT},
}
