"""The partner's own phrases.

None claims more about what was said than the partner can know: it recognises words, it does not understand.
"""

from tutor.engines.local.remarks import Intent

YOUR_GOAL = "Your goal is this: {goal}."

# Said before the next question when nothing of the answer was recognised: true whatever it was, and soon used up.
NEUTRAL = ("I see.", "All right.", "Okay.", "Thank you for telling me.", "Thank you.")
REASON_GIVEN = ("Thank you for giving a reason.", "You explained why, thank you.")
LONG_ANSWER = ("You told me a lot, thank you.", "That was a long answer, thank you.")
BACK_TO_WHAT_YOU_SAID = ("Let me go back to something you said.", "You mentioned something earlier.")
DISTRESS = (
    "I'm sorry, that sounds very serious.",
    "I'm a computer program, and I can't help with this.",
    "Please talk to someone you trust, or call your local emergency number.",
    "We don't have to go on with the talk.",
)
AFTER_DISTRESS = (
    "I'm only a program for practising English, so please tell a person you trust about it.",
    "In an emergency, call your local emergency number.",
    'If you want to go on with our talk, say: "Let\'s go on."',
)

GOING_ON = "All right, let's go on."

# Asked when the answer was only a word or two: these fit whatever the question was.
MORE_THAN_YES = (
    "Can you tell me a little more about that?",
    "Could you give me an example?",
    "What else can you say about it?",
    "Would you like to add something?",
)
MORE_THAN_A_WORD = (
    "Can you say that in a whole sentence?",
    "Tell me a little more: can you make your answer longer?",
    "Could you add one more detail?",
    "Can you say a bit more, maybe with a reason?",
)

# Said where the learner asks for something, as one does in a part: nothing is granted, it is practice.
REQUESTED_WITHOUT_A_REASON = "Good. Can you also say why you ask for it?"
REQUESTED = (
    "Good, that is how you can ask. What would you say if the answer was no?",
    "Good. How could you ask the same more politely?",
)

RECAST_SENTENCE = 'You can say: "{better}"'
RECASTS = (
    'We say "{better}".',
    'A small thing: "{better}".',
    'In English it is "{better}".',
    'Here we say "{better}".',
    'Next time, say "{better}".',
)

ASK_AGAIN = (
    "My question was: {question}",
    "Once more: {question}",
    "I asked you this: {question}",
    "Here it is again: {question}",
    "The question was: {question}",
)
BACK_TO_QUESTION = (
    "Now back to my question: {question}",
    "But tell me: {question}",
    "So, my question to you: {question}",
    "Let me come back to this: {question}",
    "And now to you: {question}",
)
IN_OTHER_WORDS = (
    "In other words: {question}",
    "Let me ask it more simply: {question}",
    "Here it is in simpler words: {question}",
    "I can also ask it like this: {question}",
)
NOW_YOU = (
    "Do you want to try?",
    "Can you try it now?",
    "What would you say?",
    "How would you say it?",
    "Shall we try it?",
)

LEADS = {
    Intent.REPEAT: ("Of course.", "Sure.", "Yes, of course.", "No problem.", "Certainly."),
    Intent.SLOWER: (
        "You can make my voice slower with the speed setting on the page.",
        "The speed setting on the page makes me speak more slowly.",
        "Please use the speed setting, it changes how fast I speak.",
    ),
    Intent.MEANING: (
        "I'm sorry, I can't explain words.",
        "Sorry, explaining words is something I can't do.",
        "I can't explain that word, but I can help with the question.",
    ),
    Intent.UNCLEAR: ("No problem.", "That's fine.", "Don't worry.", "That's all right.", "I'll help you."),
    Intent.HELP: (
        "Gladly.",
        "Of course, here is some help.",
        "Yes, I can help.",
        "Here is an idea for you.",
        "Let me help.",
    ),
    Intent.OTHER_LANGUAGE: (
        "I'm sorry, I understand only English.",
        "Sorry, I speak only English.",
        "English is the only language I know.",
    ),
    Intent.OTHER_TOPIC: (
        "I can only ask about the topic of this talk; for another one, please start a new talk.",
        "For another topic, please start a new talk; here I have my questions only.",
    ),
    Intent.ROLE: (
        "I can't play a role, I only ask questions.",
        "I'm sorry, playing a part is something I can't do, but you can say your part to me.",
        "No, I can't play anybody else; I can only ask you questions.",
    ),
    Intent.INSULT: (
        "That's all right, I'm only a program, and far from perfect.",
        "I'm sorry that you are not happy with me.",
        "I'm sorry, I do what a program can.",
    ),
    Intent.CORRECTING: (
        "Mistakes that I notice are shown beside your words, but I don't notice all of them.",
        "I show corrections beside your words, but I can miss mistakes.",
        "Look beside your words: there is every mistake that I noticed, and there may be others.",
    ),
    Intent.LIFE: (
        "I'm a computer: I have been nowhere, and there is nothing I like or do myself.",
        "I'm only a program, without a life or likes of my own.",
        "A computer like me has no life, so there is nothing to tell.",
        "Only people have that, and I'm a computer.",
        "As a program, I do and feel nothing of the kind.",
    ),
    Intent.LOSS: ("I'm very sorry for your loss.", "I'm so sorry.", "I'm sorry, that is a great loss."),
    Intent.SAD: ("I'm sorry to hear that.", "Oh, I'm sorry.", "That sounds hard."),
    Intent.SKIP: (
        "All right, another question.",
        "No problem, let's leave that.",
        "Okay, something else.",
        "Let's take a new one.",
    ),
    Intent.WHO_ARE_YOU: (
        "I have no name: I'm a computer program, your practice partner.",
        "I'm not a person, just a computer that practises English with you.",
        "As I said, I'm a practice partner on a computer.",
    ),
    Intent.HOW_ARE_YOU: (
        "I'm a computer, so I'm always the same, but thank you for asking.",
        "Thanks for asking, I'm working well today.",
        "Nothing changes for a computer, but it's kind of you to ask.",
    ),
    Intent.AND_YOU: (
        "I'm a computer, so I have no life of my own to tell you about.",
        "I have no answer to that, because I'm only a program.",
        "There is nothing to tell about me, I only practise English with you.",
        "For me, as a computer, there is no answer.",
    ),
    Intent.QUESTION: (
        "I can't answer that, I'm only a practice partner.",
        "That is a question I can't answer.",
        "I'm sorry, I don't know the answer to that.",
        "I can't say, I'm better at asking questions.",
        "Sorry, that is not something I can answer.",
    ),
    Intent.DONT_KNOW: (
        "That's all right.",
        "No problem at all.",
        "Never mind.",
        "You don't have to know.",
        "That can happen.",
    ),
    Intent.THANKS: ("You're welcome.", "With pleasure.", "It's my pleasure.", "You're very welcome."),
    Intent.GREETING: ("Hello!", "Hi there.", "Good to hear you.", "Hello again!"),
    Intent.NOTHING: (
        "I'm sorry, I didn't catch any words.",
        "Sorry, I couldn't hear a word there.",
        "That was hard for me to hear.",
        "I'm afraid I heard no words.",
    ),
}

WELCOME_BACK = ("Welcome back!", "Nice to have you back!", "Good to hear you again!", "Here we are again!")
WELCOME_BACK_TO_THE_END = "Welcome back! We have finished this talk, and you can start a new one whenever you like."

AFTER_THE_END_FIRST = (
    "We have finished this talk.",
    "Our talk is over for now.",
    "This talk has come to its end.",
    "I have already said goodbye.",
    "That was all for this talk.",
)
AFTER_THE_END_THEN = (
    "You can start a new one at any time.",
    "I'll be glad to practise with you in another talk.",
    "Choose another topic whenever you like.",
    "I hope we talk again soon.",
    "Have a good day.",
    "Take care.",
)
