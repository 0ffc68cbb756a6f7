"""Seeds of the fuzz targets of weights/, in fuzz/corpus/. Run once with the project's Python."""

import pathlib

import gguf
import numpy as np
import torch
from safetensors.torch import save_file

CORPUS = pathlib.Path(__file__).parents[3] / "fuzz" / "corpus"


def safetensors_seeds(folder):
    save_file({"a": torch.ones(2, 3), "b": torch.zeros(4, dtype=torch.bfloat16)},
              folder / "two", metadata={"format": "pt"})
    save_file({"empty": torch.zeros(0, 2), "scalar": torch.tensor(True)}, folder / "odd")
    (folder / "none").write_bytes((2).to_bytes(8, "little") + b"{}")


def gguf_seeds(folder):
    for kind in ("F32", "Q4_1", "Q6_K"):
        quant = gguf.GGMLQuantizationType[kind]
        block, size = gguf.GGML_QUANT_SIZES[quant]
        writer = gguf.GGUFWriter(folder / kind.lower(), "llama")
        writer.add_uint32("llama.block_count", 1)
        writer.add_array("tokenizer.ggml.tokens", ["a", "<s>"])
        writer.add_array("list", [1, -2])
        writer.add_bool("flag", True)
        writer.add_tensor("w", np.zeros((2, size), np.uint8 if block > 1 else np.float32),
                          raw_dtype=quant if block > 1 else None)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def main():
    for name, make in (("safetensors_fuzz", safetensors_seeds), ("gguf_fuzz", gguf_seeds)):
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        make(folder)


if __name__ == "__main__":
    main()
