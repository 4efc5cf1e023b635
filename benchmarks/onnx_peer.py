"""The same weights in ONNX Runtime: int8 as its own tools make it, on the operators it is fast on.

The graph is made of the fused operators that ONNX Runtime's optimiser turns a BERT into
(Attention, SkipLayerNormalization, BiasGelu), then quantised with its dynamic quantisation: 8-bit
weights per channel, activations by their range in each batch.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from polyseek.models.tensors import read_tensors

FUSED = "com.microsoft"
OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]


class OnnxBert:
    """ids (B, T), mask (B, T) -> hidden states (B, T, H); int8 weights and activations."""

    def __init__(self, directory: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        with tempfile.TemporaryDirectory() as scratch:
            whole, small = Path(scratch) / "fp32.onnx", Path(scratch) / "int8.onnx"
            onnx.save(_Graph(directory).model(), whole)
            quantize_dynamic(
                whole,
                small,
                op_types_to_quantize=["MatMul", "Attention"],
                per_channel=True,
                reduce_range=False,
                weight_type=QuantType.QInt8,
                extra_options={"DefaultTensorType": TensorProto.FLOAT},
            )
            self._session = onnxruntime.InferenceSession(
                small, options, providers=["CPUExecutionProvider"]
            )

    def __call__(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        found = self._session.run(None, {"ids": ids, "mask": mask.astype(np.int32)})
        return np.asarray(found[0])


class _Graph:
    """BERT, node by node."""

    def __init__(self, directory: Path) -> None:
        self.config = json.loads((directory / "config.json").read_text())
        self.tensors = read_tensors(directory)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def model(self) -> onnx.ModelProto:
        x = self._embed()
        for at in range(self.config["num_hidden_layers"]):
            x = self._layer(x, f"encoder.layer.{at}")
        self._node("Identity", [x], name="hidden")
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "bert",
            [
                info("ids", TensorProto.INT64, ["B", "T"]),
                info("mask", TensorProto.INT32, ["B", "T"]),
            ],
            [info("hidden", TensorProto.FLOAT, ["B", "T", self.config["hidden_size"]])],
            list(self.constants.values()),
        )
        return helper.make_model(graph, opset_imports=OPSETS, ir_version=10)

    def _embed(self) -> str:
        words = self._constant("words", self.tensors["embeddings.word_embeddings.weight"])
        x = self._node("Gather", [words, "ids"])
        if self.constants[words].data_type != TensorProto.FLOAT:
            x = self._node("Cast", [x], to=TensorProto.FLOAT)
        longest = self._node("Shape", ["ids"], start=1, end=2)
        zero = self._constant("zero", np.zeros(1, np.int64))
        table = (
            self.tensors["embeddings.position_embeddings.weight"].astype(np.float32)
            + self.tensors["embeddings.token_type_embeddings.weight"][0]
        )
        places = self._node("Slice", [self._constant("positions", table), zero, longest, zero])
        x = self._node("Add", [x, places])
        norm = "embeddings.LayerNorm"
        return self._node(
            "LayerNormalization",
            [x, self._weight(f"{norm}.weight"), self._weight(f"{norm}.bias")],
            epsilon=self.config["layer_norm_eps"],
        )

    def _layer(self, x: str, name: str) -> str:
        context = self._attention(x, f"{name}.attention.self")
        dense = self._product(context, f"{name}.attention.output.dense")
        x = self._add_norm(dense, x, f"{name}.attention.output")
        wide = self._product(x, f"{name}.intermediate.dense")
        bias = self._weight(f"{name}.intermediate.dense.bias")
        active = self._node("BiasGelu", [wide, bias], domain=FUSED)
        dense = self._product(active, f"{name}.output.dense")
        return self._add_norm(dense, x, f"{name}.output")

    def _attention(self, x: str, name: str) -> str:
        parts = [f"{name}.{part}" for part in ("query", "key", "value")]
        weight = np.concatenate([self.tensors[f"{part}.weight"] for part in parts])
        bias = np.concatenate([self.tensors[f"{part}.bias"] for part in parts])
        return self._node(
            "Attention",
            [
                x,
                self._constant(f"{name}.weight", weight.astype(np.float32).T),
                self._constant(f"{name}.bias", bias.astype(np.float32)),
                "mask",
            ],
            domain=FUSED,
            num_heads=self.config["num_attention_heads"],
        )

    def _product(self, x: str, name: str) -> str:
        """x Wᵀ; the bias is added by the operator that follows."""
        weight = self.tensors[f"{name}.weight"].astype(np.float32)
        return self._node("MatMul", [x, self._constant(f"{name}.weight", weight.T)])

    def _add_norm(self, dense: str, x: str, name: str) -> str:
        parts = ("LayerNorm.weight", "LayerNorm.bias", "dense.bias")
        return self._node(
            "SkipLayerNormalization",
            [dense, x, *(self._weight(f"{name}.{part}") for part in parts)],
            domain=FUSED,
            epsilon=self.config["layer_norm_eps"],
        )

    def _weight(self, name: str) -> str:
        return self._constant(name, self.tensors[name].astype(np.float32))

    def _constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def _node(
        self, kind: str, inputs: list[str], name: str = "", domain: str = "", **attributes: object
    ) -> str:
        out = name or f"node{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], out, domain=domain, **attributes))
        return out
