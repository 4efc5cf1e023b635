"""How well a search finds answers, in figures that can be defended.

dataset       questions with the passages that answer them; beir, questions: read from files
run           what a search found for each question
measures      a run against the answers, by ir-measures; pairs: by language of question and passage
bias          which languages come first, and whether every language's answer is found
significance  intervals and tests
record        a result as one JSON document
"""
