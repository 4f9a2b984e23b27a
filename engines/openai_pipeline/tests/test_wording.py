"""Only the speakable parts of a model's text are spoken."""

import pytest

from engines.openai_pipeline.wording import spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("That is **very** good.", "That is very good."),
        ("That is *really* good.", "That is really good."),
        ("*Really* good!", "Really good!"),
        ("*smiles warmly* Hello!", "Hello!"),
        ("Yes. *laughs* I see.", "Yes. I see."),
        ("[clears throat] Hello!", "Hello!"),
        ("Hello (laughing softly), my friend!", "Hello, my friend!"),
        ("I like tea (green tea).", "I like tea (green tea)."),
        ("## Ideas", "Ideas"),
        ("5 * 3 = 15, and 2 > 1.", "5 * 3 = 15, and 2 > 1."),
        ("go \u2192 went", "go \u2192 went"),
        ("- Go home.", "Go home."),
        ("2. Go home.", "Go home."),
        ("2.5 litres.", "2.5 litres."),
        ("See [this page](https://example.com/x).", "See this page."),
        ("Great! \U0001f389\U0001f469\u200d\U0001f680 And you?", "Great! And you?"),
        ("Say `went`, not go_to.", "Say went, not go_to."),
        ("\U0001f600", ""),
        ("*nods*", ""),
        (" ... ", ""),
        ('She said, "I went."', 'She said, "I went."'),
        ("T\u00f4i kh\u1ecfe.", "T\u00f4i kh\u1ecfe."),
    ],
)
def test_only_words_are_spoken(written: str, said: str):
    assert spoken(written) == said
