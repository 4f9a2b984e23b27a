"""Find mistakes by parts of speech, not by words: rules in `data/grammar/` and two detectors for longer relations.

`reading` tags a sentence, `token_patterns` matches the rules on its tokens, `inflection` puts words into other forms.
`agreement` compares each verb with its subject, and `finished_time` each verb with the time of its sentence.
"""
