"""BERT in plain PyTorch, as the paper has it (arXiv:1810.04805): the speed one starts from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

Floats = np.ndarray


class TorchBert:
    """ids (B, T), mask (B, T) -> hidden states (B, T, H), all in fp32."""

    def __init__(self, directory: Path, threads: int) -> None:
        self.threads = threads
        self.config = json.loads((directory / "config.json").read_text())
        tensors = load_file(directory / "model.safetensors")
        self.tensors = {name: tensor.float() for name, tensor in tensors.items()}

    @torch.inference_mode()
    def __call__(self, ids: np.ndarray, mask: Floats) -> Floats:
        torch.set_num_threads(self.threads)
        tensors = self.tensors
        x = (
            tensors["embeddings.word_embeddings.weight"][torch.from_numpy(ids)]
            + tensors["embeddings.position_embeddings.weight"][: ids.shape[1]]
            + tensors["embeddings.token_type_embeddings.weight"][0]
        )  # (B, T, H)
        x = self._norm(x, "embeddings.LayerNorm")
        hide = (torch.from_numpy(mask)[:, None, None] - 1) * 1e4  # (B, 1, 1, T)
        for at in range(self.config["num_hidden_layers"]):
            name = f"encoder.layer.{at}"
            context = self._attention(x, hide, f"{name}.attention.self")
            x = self._norm(
                x + self._dense(context, f"{name}.attention.output.dense"),
                f"{name}.attention.output.LayerNorm",
            )
            wide = gelu(self._dense(x, f"{name}.intermediate.dense"))
            x = self._norm(
                x + self._dense(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm"
            )
        hidden: Floats = x.numpy()
        return hidden

    def _attention(self, x: Tensor, hide: Tensor, name: str) -> Tensor:
        def heads(part: str) -> Tensor:
            split = self._dense(x, f"{name}.{part}").unflatten(
                -1, (self.config["num_attention_heads"], -1)
            )
            return split.transpose(1, 2)  # (B, heads, T, H / heads)

        mixed = scaled_dot_product_attention(heads("query"), heads("key"), heads("value"), hide)
        return mixed.transpose(1, 2).flatten(2)

    def _dense(self, x: Tensor, name: str) -> Tensor:
        return linear(x, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        return layer_norm(x, weight.shape, weight, bias, self.config["layer_norm_eps"])
