"""How well a search finds answers, in figures that can be defended.

dataset       questions with the passages that answer them; beir, questions: read from files
run           what a search found for each question
measures      a run against the answers, by ir-measures; pairs: by language of question and passage
bias          which languages come first, and whether every language's answer is found
significance  intervals and tests
record        a result as one JSON document; page, compare_page: as a page
comparison    several ways, each in a process of its own
chunkers      other ways to cut, to measure ours against
similarity    how near texts are; picture: drawn
mteb          a model of ours as mteb wants it
"""
