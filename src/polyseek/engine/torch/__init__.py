"""The GPU backend: PyTorch runs sequences packed without padding.

The only package that imports PyTorch, which the extra `gpu` installs; engine/load imports it when
it is asked for.
"""
