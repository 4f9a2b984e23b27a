from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from tutor.engines.local import corrector
from tutor.engines.local.corrector import correct

# What was said, and what it must become when everything that is found has been put right.
WRONG = """
My brother has went to London last week. | My brother has gone to London last week.
She have a big family and they lives in Brazil. | She has a big family and they live in Brazil.
I am agree with you. | I agree with you.
I'm not agree with that. | I don't agree with that.
There are too much people in the city. | There are too many people in the city.
Yesterday I go to the park with my friend. | Yesterday I went to the park with my friend.
We go to the beach last weekend. | We went to the beach last weekend.
Last week we buy a new car. | Last week we bought a new car.
Yesterday we eated ice cream. | Yesterday we ate ice cream.
Can you explain me the problem? | Can you explain to me the problem?
I am born in Mexico. | I was born in Mexico.
He is more taller than me. | He is taller than me.
She gave me an advice. | She gave me some advice.
I need some informations about the hotel. | I need some information about the hotel.
It depends of the weather. | It depends on the weather.
I have been here since five years. | I have been here for five years.
I am living here since 2010. | I have been living here since 2010.
I look forward to meet you. | I look forward to meeting you.
I didn't went to school. | I didn't go to school.
Did you saw the movie? | Did you see the movie?
I can to swim very well. | I can swim very well.
I must to go now. | I must go now.
She can sings well. | She can sing well.
People is very friendly here. | People are very friendly here.
He don't like coffee. | He doesn't like coffee.
I have 25 years old. | I am 25 years old.
She is doctor in a hospital. | She is a doctor in a hospital.
I want go home. | I want to go home.
I like play football. | I like to play football.
He go to school every day. | He goes to school every day.
They was at home. | They were at home.
I enjoy to read books. | I enjoy reading books.
I am interesting in music. | I am interested in music.
I have visited Paris last year. | I visited Paris last year.
We discussed about the problem. | We discussed the problem.
I married with my wife in 2010. | I married my wife in 2010.
There is many people here. | There are many people here.
I buyed a new car. | I bought a new car.
My childs are at school. | My children are at school.
Every students must learn it. | Every student must learn it.
I went to home. | I went home.
I said him the truth. | I told him the truth.
What means this word? | What does this word mean?
Where you live? | Where do you live?
Do you can help me? | Can you help me?
I arrived to London in the morning. | I arrived in London in the morning.
I listen music every day. | I listen to music every day.
I am here for to learn English. | I am here to learn English.
I very like pizza. | I really like pizza.
One of my friend lives in London. | One of my friends lives in London.
I have much friends. | I have many friends.
I seen him yesterday. | I saw him yesterday.
He doesn't likes tea. | He doesn't like tea.
If I will have time, I will come. | If I have time, I will come.
I used to living there. | I used to live there.
I am used to live alone. | I am used to living alone.
We has a dog. | We have a dog.
My parents lives in Brazil. | My parents live in Brazil.
My father work in a bank. | My father works in a bank.
I am student. | I am a student.
I have a good news. | I have good news.
I prefer coffee than tea. | I prefer coffee to tea.
I've ate breakfast. | I've eaten breakfast.
I haven't went there. | I haven't gone there.
He is a engineer. | He is an engineer.
I did a mistake. | I made a mistake.
I want to eating pizza. | I want to eat pizza.
It is more easy than French. | It is easier than French.
I have a car red. | I have a red car.
The life is hard. | Life is hard.
He has a good job, isn't it? | He has a good job, doesn't he?
She suggested me to go. | She suggested that I go.
I am working here for three years. | I have been working here for three years.
I'm boring in the class. | I'm bored in the class.
I am boring in the class. | I am bored in the class.
I have 25 years. | I am 25 years old.
She is married with a doctor. | She is married to a doctor.
I want that you help me. | I want you to help me.
I want that she comes with us. | I want her to come with us.
How do you call this? | What do you call this?
I didn't saw nothing. | I didn't see anything.
I don't know nobody here. | I don't know anybody here.
"""

RIGHT = """
My brother has gone to London.
She don't, I mean, she doesn't like it.
I have 25 years of experience.
How do you call somebody in another country?
I am boring, and I know it.
He is married with a child.
I want that, you know.
There was nothing, and nobody came.
She has a big family and they live in Brazil.
Um, I I think it was, uh, a really good trip.
I agree with you, but I'm not sure.
There are too many people and too much traffic.
Yesterday I went to the park, and we ate ice cream.
I go to the gym every day, but yesterday I was tired.
I like the movie we saw yesterday.
I think he came home last night.
What did you do yesterday?
Did they go to the beach last weekend?
I want to see what happened last week.
We didn't go anywhere last summer.
Can you explain the problem to me?
I can explain her decision.
I was born in Mexico, and my sister was born in Spain.
He's taller than me.
She gave me some advice, and I took it.
It depends on the weather.
I've lived here for five years.
I've been working here since 2010.
I'm staying here for three days.
I look forward to meeting you.
I'm looking forward to the trip.
I do everything I can to help my family.
She did all she could to win the game.
It's the best way I can to say it.
He has the will to win.
The number of people is growing.
What I like about people is that they're all different.
Helping people is what makes me happy.
He doesn't like coffee, does he?
How much people pay depends on the country.
I have ten years of experience.
I'm twenty-five years old.
She's a doctor and he's a nurse.
My mom is student president at her university.
I like to play football, and I love swimming.
What I like makes me happy.
What I like play a role in is my own life.
Do you like music?
It was used to make bread.
I used to live in a small town.
I'm used to living alone.
I was getting used to it.
People are used to it by now.
I have to go now.
How many brothers and sisters do you have?
There's a park near my house.
There are two cats and a dog.
I had never seen anything like that before.
Have you ever been to Canada?
He said, "I don't know", and then he left.
If you will excuse me, I have to take this call.
I don't know if I will have time.
One of my friends lives in London.
One of my friend's brothers is a teacher.
My father and my mother work in a bank.
Does your brother work here?
My parents made my sister go to bed.
I made a lot of mistakes.
I've got to wait for him at the station.
Wait, you did what?
I was waiting for the bus when it started to rain.
Many work days are long.
We had a lot of fun on Friday.
It's a bad news day.
The news is good.
Everyone was happy, and everybody has a phone.
Where you live is not important.
I'd rather stay home than go out.
I prefer tea to coffee.
She's more beautiful than ever, and he is happier.
It's one of the most interesting books I've read.
I listened to the radio in the morning.
We arrived at the hotel late, and we got home at two.
I want to go shopping tomorrow.
I'm going to home in on one thing.
He was married with two children.
He wanted work, and they need help.
I'm so excited about it; it's exciting for me too.
That sounds like a great idea.
My favorite food is pizza because it's easy to make.
You know, it's like, I don't really care that much.
Could you tell me how to get to the nearest train station, please?
He might even have been made amiable himself.
And mister John Dashwood had then leisure to consider how much there might be prudently in his power to do for them.
"""

PAIRS = [tuple(part.strip() for part in line.split("|")) for line in WRONG.strip().splitlines()]


def put_right(text: str) -> str:
    for one in reversed(correct(text)):
        text = text[: one.start] + one.better + text[one.end :]
    return text


@pytest.mark.parametrize("sentence", RIGHT.strip().splitlines())
def test_no_alarm_on_what_is_right(sentence: str):
    assert correct(sentence) == ()


@pytest.mark.parametrize(("said", "better"), PAIRS)
def test_whatever_is_corrected_is_corrected_well(said: str, better: str):
    assert put_right(said) in (said, better)


def test_most_mistakes_are_found():
    found = [said for said, better in PAIRS if put_right(said) == better]
    assert len(found) / len(PAIRS) >= 0.7


def test_has_went():
    (one,) = correct("My brother has went to London last week.")
    assert (one.said, one.better, one.sure) == ("has went", "has gone", False)
    assert one.why == 'After "have" use the past participle. With "last week", say "went".'
    assert one.category == "verb form"


@pytest.mark.parametrize("time", ["yesterday", "last year", "in 2019", "two years ago"])
def test_has_gone_is_not_said_to_be_right_of_a_time_that_is_over(time: str):
    (one,) = correct(f"I have went to Paris {time}.")
    assert not one.sure
    assert one.why.endswith(f'With "{time}", say "went".')


def test_has_went_at_no_time_that_is_over_is_sure():
    (one,) = correct("My brother has went to London.")
    assert one.sure


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("She have a dog.", 'With "she" the verb takes -s: she has.'),
        ("I think they lives in Brazil.", 'With "they" the verb has no -s: they live.'),
        ("They was at home.", 'With "they" say "were": they were.'),
        ("He don't like it.", 'With "he" say "doesn\'t": he doesn\'t.'),
    ],
)
def test_the_rule_of_agreement_is_named(said: str, why: str):
    (one,) = correct(said)
    assert one.why == why


def test_she_have_and_they_lives():
    have, lives = correct("She have a big family and they lives in Brazil.")
    assert (have.said, have.better) == ("have", "has")
    assert (lives.said, lives.better) == ("lives", "live")


def test_what_is_right_stays_right():
    assert [put_right(better) for _, better in PAIRS] == [better for _, better in PAIRS]


@pytest.mark.parametrize(
    ("said", "better"),
    [("We eated it.", "We ate it."), ("We have eated it.", "We have eaten it."), ("I've buyed it.", "I've bought it.")],
)
def test_the_past_and_the_participle_are_told_apart(said: str, better: str):
    assert put_right(said) == better


def test_start_and_end_are_characters_of_the_transcript():
    text = "Hello there! He don\u2019t know. She have two cats. I am agree."
    found = correct(text)
    assert len(found) == 3
    assert [text[one.start : one.end].replace("\u2019", "'") for one in found] == [one.said for one in found]


def test_every_correction_says_why_in_one_sentence():
    for said, _ in PAIRS:
        for one in correct(said):
            assert one.why.endswith((".", '."'))
            assert len(one.why) < 100


@pytest.mark.parametrize(
    "text", ["my brother has gone to london", "i live in brazil i have two cats", "Recieve teh parcel"]
)
def test_spelling_capitals_and_punctuation_are_no_mistakes(text: str):
    assert correct(text) == ()


@pytest.mark.parametrize("text", ["", " ", "...", "?!", "\0", "日本語", "um", "a a a a a", "' ' '", "x" * 5000])
def test_strange_text_does_no_harm(text: str):
    assert correct(text) == ()


def test_corrections_do_not_overlap():
    found = correct("Yesterday I have went to home and I didn't saw much people since five years.")
    assert len(found) >= 3
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_threads_may_share_it():
    with ThreadPoolExecutor(4) as threads:
        assert {len(found) for found in threads.map(correct, ["She have a dog."] * 40)} == {1}


def test_what_has_no_full_stop_is_checked_in_pieces():
    endless = "she have a dog and she go to the park every day and " * 400  # 20 kB: minutes, in one piece
    assert max(len(piece.group()) for piece in corrector._SENTENCE.finditer(endless)) <= 301
    found = correct(endless)
    assert len(found) > 400
    assert all(endless[one.start : one.end] == one.said for one in found)


@pytest.mark.parametrize("text", ["a" * 20_000, "?" * 20_000, "a. " * 7_000, " " * 20_000, "word " * 4_000])
def test_every_character_of_a_word_is_in_one_piece(text: str):
    pieces = [piece.group() for piece in corrector._SENTENCE.finditer(text)]
    assert sum(piece.count("a") + piece.count("word") for piece in pieces) == text.count("a") + text.count("word")
