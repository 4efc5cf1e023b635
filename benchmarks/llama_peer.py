"""llama.cpp with 8-bit weights as a process for qwen3_llama.py: `llama_peer.py MODEL THREADS`.

MODEL/model.safetensors (bfloat16, as Qwen3-Embedding-0.6B has it) is written as Q8_0 into
MODEL/q8_0.gguf by the gguf package. Token ids go in, so the file needs no tokenizer.

    pip install llama-cpp-python gguf
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from worker import Embed, serve

LONGEST = 2048
NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"""Parts of a layer, as the model and as GGUF names them."""


def tensors(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name as GGUF has it, and float32 values."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    values = np.memmap(path, np.uint8, "r", offset=8 + size)
    for name, told in header.items():
        start, end = told["data_offsets"]
        wide = values[start:end].view("<u2").astype(np.uint32) << 16
        yield renamed(name), wide.view(np.float32).reshape(told["shape"])


def renamed(name: str) -> str:
    """`layers.3.self_attn.q_proj.weight` -> `blk.3.attn_q.weight`."""
    if name.startswith("layers."):
        _, layer, part = name.removesuffix(".weight").split(".", 2)
        return f"blk.{layer}.{NAMES[part]}.weight"
    return {"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}[name]


def write_gguf(model: Path, target: Path) -> None:
    from gguf import GGMLQuantizationType, GGUFWriter, PoolingType
    from gguf.quants import quantize

    config = json.loads((model / "config.json").read_text())
    writer = GGUFWriter(target, "qwen3")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_pooling_type(PoolingType.LAST)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("none")
    writer.add_file_type(7)  # mostly Q8_0
    small = GGMLQuantizationType.Q8_0
    for name, values in tensors(model / "model.safetensors"):
        if values.ndim > 1:
            writer.add_tensor(name, quantize(values, small), raw_dtype=small)
        else:
            writer.add_tensor(name, np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def load() -> Embed:
    import llama_cpp

    model, threads = Path(sys.argv[1]), int(sys.argv[2])
    file = model / "q8_0.gguf"
    if not file.exists():
        write_gguf(model, file)
    llama_cpp.llama_backend_init()
    loaded = llama_cpp.llama_model_load_from_file(
        str(file).encode(), llama_cpp.llama_model_default_params()
    )
    settings = llama_cpp.llama_context_default_params()
    settings.n_ctx = settings.n_batch = settings.n_ubatch = LONGEST
    settings.n_threads = settings.n_threads_batch = threads
    settings.embeddings = True
    settings.pooling_type = llama_cpp.LLAMA_POOLING_TYPE_LAST
    context = llama_cpp.llama_init_from_model(loaded, settings)
    width = llama_cpp.llama_model_n_embd(loaded)

    def one(ids: Sequence[int]) -> np.ndarray:
        tokens = (llama_cpp.llama_token * len(ids))(*ids)  # the batch only points at it
        batch = llama_cpp.llama_batch_get_one(tokens, len(ids))
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        if llama_cpp.llama_decode(context, batch):
            raise RuntimeError(f"llama_decode failed on {len(ids)} tokens")
        found = np.array(llama_cpp.llama_get_embeddings_seq(context, 0)[:width], np.float32)
        return found / np.linalg.norm(found)

    def embed(rows: Sequence[Any], batch: int) -> np.ndarray:
        del batch  # one text at a time
        return np.stack([one(ids) for ids in rows])

    return embed


if __name__ == "__main__":
    serve(load)
