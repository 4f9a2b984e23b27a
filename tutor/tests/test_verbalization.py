"""Written English is put into words before a voice reads it."""

import pytest

from tutor.verbalization import verbalize

MONEY = [
    ("It is $1,450/month.", "It is one thousand four hundred and fifty dollars per month."),
    ("It costs 3.99 euros.", "It costs three euros and ninety-nine cents."),
    ("The ticket costs $12.50.", "The ticket costs twelve dollars and fifty cents."),
    ("Rooms from €80 a night.", "Rooms from eighty euros a night."),
    ("I paid £1,250.75.", "I paid one thousand two hundred and fifty pounds and seventy-five pence."),
    ("It was $0.99 or 12,50 €.", "It was ninety-nine cents or twelve euros and fifty cents."),
    ("A $5 note, $1 and $3-5.", "A five dollar note, one dollar and three to five dollars."),
    ("Pay $5m or 2.3bn yen.", "Pay five million dollars or two point three billion yen."),
    ("A 10k run, 5M people, a 4K screen.", "A ten thousand run, five million people, a 4K screen."),
    ("They raised $3.5 million, or $4bn.", "They raised three point five million dollars, or four billion dollars."),
]
TIMES = [
    ("It leaves at 8:00 and arrives at 10:05.", "It leaves at eight o'clock and arrives at ten oh five."),
    ("Open 8am to 5:30 p.m.", "Open eight a m to five thirty p m."),
    ("At 14:30 or 0:00.", "At fourteen thirty or midnight."),
    ("The 2nd of May, 3/4/2026.", "The second of May, three, four, twenty twenty-six."),
    ("On 2026-11-29.", "On November twenty-ninth, twenty twenty-six."),
    ("Born on Jan. 3, 1999.", "Born on January third, nineteen ninety-nine."),
    ("We met on 2 May 2010.", "We met on the second of May, twenty ten."),
    (
        "On 12/25/2023 and 25.12.2023.",
        "On December twenty-fifth, twenty twenty-three and the twenty-fifth of December, twenty twenty-three.",
    ),
    ("It took 1h 20m and 2m 1s.", "It took one hour twenty minutes and two minutes one second."),
    ("In March 20 shops closed.", "In March twenty shops closed."),
]
YEARS = [
    ("In 1066 they came.", "In ten sixty-six they came."),
    ("It is 1050 metres.", "It is one thousand and fifty metres."),
    ("In the season 2020/21.", "In the season twenty twenty to twenty-one."),
    ("Born in 1908, he died in 1985.", "Born in nineteen oh eight, he died in nineteen eighty-five."),
    ("From 1990-1995 and in 2005.", "From nineteen ninety to nineteen ninety-five and in two thousand five."),
    ("1250 people came in 2010.", "one thousand two hundred and fifty people came in twenty ten."),
    ("He has 1250 books.", "He has one thousand two hundred and fifty books."),
    ("The 1990s, the '80s and the 1800s.", "The nineteen nineties, the eighties and the eighteen hundreds."),
]
TELEPHONES = [
    ("Dial 911 or 112 now.", "Dial nine one one or one one two now."),
    ("Ring +49 30 901820.", "Ring plus four nine, three oh, nine oh one eight two oh."),
    ("Call 416-555-0192.", "Call four one six, five five five, oh one nine two."),
    ("Call (416) 555-0192.", "Call four one six, five five five, oh one nine two."),
    ("Or +44 20 7946 0958.", "Or plus four four, two oh, seven nine four six, oh nine five eight."),
    ("Dial 555-0123.", "Dial five five five, oh one two three."),
    ("My code is 0042.", "My code is oh oh four two."),
]
MEASURES = [
    ("It weighs 5 kg, i.e. 11 lbs.", "It weighs five kilograms, that is, eleven pounds."),
    ("He is 1.85 m tall.", "He is one point eight five metres tall."),
    ("Not 1 km but 60 km/h.", "Not one kilometre but sixty kilometres per hour."),
    ("It is 20°C outside, or -5 °F.", "It is twenty degrees Celsius outside, or minus five degrees Fahrenheit."),
    ("Up 10% (about 3-5 euros).", "Up ten percent (about three to five euros)."),
    ("A 10 km run, 5 ft 10 in.", "A ten kilometre run, five feet ten."),
    ("From -3\u00b0C to +7\u00b0C.", "From minus three degrees Celsius to plus seven degrees Celsius."),
    ('Add 1 tsp. salt. It is 15" wide.', "Add one teaspoon salt. It is fifteen inches wide."),
    ("Walk for 5 min. to the park.", "Walk for five minutes to the park."),
]
FRACTIONS = [
    ("Add 2/3 cup of milk.", "Add two thirds of a cup of milk."),
    ("Up 1.5%\u20132% on a 50-50 chance.", "Up one point five to two percent on a fifty fifty chance."),
    ("You scored 8/10!", "You scored eight out of ten!"),
    ("Add 1/4 of it.", "Add a quarter of it."),
    ("It takes 1 1/2 hours, or ¾ of that.", "It takes one and a half hours, or three quarters of that."),
    ("1/2 kg", "half a kilogram"),
    ("Dr. Lee works 24/7.", "Doctor Lee works twenty-four seven."),
    ("5 * 3 = 15 and 10 / 2 = 5.", "five times three equals fifteen and ten divided by two equals five."),
    ("10 - 2 = 8, and 3 \u00d7 4 = 12.", "ten minus two equals eight, and three times four equals twelve."),
    ("A room of 3x4 m.", "A room of three by four metres."),
    ("We won 3:1.", "We won three to one."),
]
ROMAN = [
    ("Read chapter IX.", "Read chapter Nine."),
    ("Super Bowl LVIII in size XL.", "Super Bowl Fifty-eight in size XL."),
    ("World War II ended in 1945.", "World War Two ended in nineteen forty-five."),
    ("Queen Elizabeth II and Henry VIII.", "Queen Elizabeth the second and Henry the eighth."),
    ("Chapter IV of the XIX century.", "Chapter Four of the nineteenth century."),
    ("King Charles I was there.", "King Charles the first was there."),
    ("Yesterday I went to Rome.", "Yesterday I went to Rome."),
    ("I have a CV and an IV drip.", "I have a CV and an IV drip."),
]
WORDS = [
    ("Mr. and Mrs. Lee came.", "Mister and Missus Lee came."),
    ("She lives in apt. 4B.", "She lives in apartment 4B."),
    ("Closed Tues-Thurs from 9.", "Closed Tuesday to Thursday from nine."),
    ("On Sat., 4 July, and on Sun.", "On Saturday, the fourth of July, and on Sun."),
    ("Closed on Mon. and Tue.", "Closed on Monday and Tuesday."),
    ("He's 6 ft. 2 in tall.", "He's six feet two tall."),
    ("It costs 2 \u20ac/hour.", "It costs two euros per hour."),
    ("Cut 1/8 off.", "Cut an eighth off."),
    ("Text 07700 900456.", "Text oh seven seven oh oh, nine oh oh four five six."),
    ("Mr. Smith and Mrs. Brown live in St. Louis.", "Mister Smith and Missus Brown live in Saint Louis."),
    ("I live on Main St. It is long.", "I live on Main Street. It is long."),
    ("e.g. apples, pears, etc.", "For example apples, pears, et cetera."),
    ("AT&T and the U.S. are big.", "AT and T and the U S are big."),
    ("She is from the U.K.", "She is from the U K."),
    ("See No. 5 on p. 12.", "See number five on page twelve."),
    ("Use a/an before nouns.", "Use a or an before nouns."),
    ("I/he/she/it goes → went.", "I, he, she, it goes becomes went."),
    ("It is #1, you & me.", "It is number one, you and me."),
    ("See https://example.org/a?b=1 for more.", "See example dot org for more."),
    ("Write to me@example.org.", "Write to me at example dot org."),
    ("Open Mon.-Fri., 9-5.", "Open Monday to Friday, nine to five."),
    (
        "Open Mon-Fri, Sat \u2013 Sun and Tues-Thurs.",
        "Open Monday to Friday, Saturday to Sunday and Tuesday to Thursday.",
    ),
    ("A5, MP3 and a 24-hour shop.", "A5, MP3 and a twenty-four-hour shop."),
]
LINES = [
    ("1. Say hello\n2. Say goodbye", "one, Say hello. two, Say goodbye"),
    ("1. Wash it. 2. Cook it for 5 min.", "one, Wash it. two, Cook it for five minutes."),
    ("I have 1. He has 2. Sit down.", "I have one. He has two. Sit down."),
    ("- first item\n- second item", "first item. second item"),
    ("To do:\n* eat,\n* sleep.", "To do: eat, sleep."),
    ("Hello\n\nworld", "Hello. world"),
]


@pytest.mark.parametrize(
    ("written", "said"),
    [*MONEY, *TIMES, *YEARS, *TELEPHONES, *MEASURES, *FRACTIONS, *ROMAN, *WORDS, *LINES],
)
def test_written_english_is_put_into_words(written: str, said: str):
    assert verbalize(written) == said


@pytest.mark.parametrize(
    "text", ["", " ", "Hello, how are you?", "I don't know... Really?!", "Tôi có 5 quyển sách.", "我有3本书。"]
)
def test_other_text_stays_as_it_is(text: str):
    assert verbalize(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "$",
        "1/",
        "/2",
        "5/0",
        "0/0",
        "99:99",
        "1-",
        "€€5",
        "1.2.3.4.5",
        "9" * 400,
        "9,999" + ",999" * 200,
        "9" * 400 + "th",
        "°",
        "1,2,3",
        "(((",
        "http://",
        "a@b",
        "-" * 50,
    ],
)
def test_unusual_text_is_verbalized_without_error(text: str):
    assert isinstance(verbalize(text), str)
