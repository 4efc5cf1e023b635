"""Tests of polyseek.documents. A package, so that test modules of other rooms may share names."""
