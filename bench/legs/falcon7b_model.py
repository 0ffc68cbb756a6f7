"""Writes a random model of Falcon-7B's shape as a GGUF file of Q4_0 blocks, tensor by tensor:
falcon7b_model.py FILE TOKENIZER.gguf. Its tokenizer is that of another GGUF file, with unused
entries up to Falcon's vocabulary."""

import json
import pathlib
import sys

import gguf
import numpy

LAYERS, WIDTH, HEADS, INNER, VOCABULARY = 32, 4544, 71, 18176, 65024
BLOCK = numpy.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])  # of 32 weights
SCALE = 0.0043  # times a nibble's spread of 4.6: the usual initial deviation of 0.02


def tensors():
    """(name, rows, columns); one row for a norm's vectors."""
    yield "token_embd.weight", VOCABULARY, WIDTH
    for layer in range(LAYERS):
        at = f"blk.{layer}."
        yield at + "attn_norm.weight", 1, WIDTH
        yield at + "attn_norm.bias", 1, WIDTH
        yield at + "attn_qkv.weight", WIDTH + 2 * WIDTH // HEADS, WIDTH
        yield at + "attn_output.weight", WIDTH, WIDTH
        yield at + "ffn_up.weight", INNER, WIDTH
        yield at + "ffn_down.weight", WIDTH, INNER
    yield "output_norm.weight", 1, WIDTH
    yield "output_norm.bias", 1, WIDTH


def random_blocks(rows, columns, generator):
    blocks = numpy.empty((rows, columns // 32), BLOCK)
    blocks["scale"] = SCALE
    blocks["nibbles"] = generator.integers(0, 256, (*blocks.shape, 16), dtype=numpy.uint8)
    return blocks.view(numpy.uint8).reshape(rows, -1)


def add_tokenizer(writer, source):
    fields = gguf.GGUFReader(source).fields
    of = {name.removeprefix("tokenizer.ggml."): field.contents() for name, field in fields.items()
          if name.startswith("tokenizer.ggml.")}
    missing = VOCABULARY - len(of["tokens"])
    writer.add_tokenizer_model(of["model"])
    writer.add_tokenizer_pre(of["pre"])
    writer.add_token_list(of["tokens"] + [f"<unused-{i}>" for i in range(missing)])
    writer.add_token_types(of["token_type"] + [int(gguf.TokenType.UNUSED)] * missing)
    writer.add_token_merges(of["merges"])
    writer.add_bos_token_id(of["bos_token_id"])
    writer.add_eos_token_id(of["eos_token_id"])


def main():
    path = pathlib.Path(sys.argv[1])
    writer = gguf.GGUFWriter(path, "falcon")
    writer.add_block_count(LAYERS)
    writer.add_context_length(2048)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_eps(1e-5)
    add_tokenizer(writer, sys.argv[2])
    parameters = 0
    for name, rows, columns in tensors():
        parameters += rows * columns
        if rows == 1:
            writer.add_tensor_info(name, (columns,), numpy.dtype("float32"), 4 * columns)
        else:
            row_bytes = columns // 32 * BLOCK.itemsize
            writer.add_tensor_info(name, (rows, row_bytes), numpy.dtype("uint8"), rows * row_bytes,
                                   raw_dtype=gguf.GGMLQuantizationType.Q4_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    generator = numpy.random.default_rng(1)
    for name, rows, columns in tensors():
        if rows > 1:
            writer.write_tensor_data(random_blocks(rows, columns, generator))
        else:
            ones = name.endswith(".weight")
            writer.write_tensor_data(numpy.full(columns, float(ones), numpy.float32))
    writer.close()
    print(json.dumps({"parameters": parameters, "bytes": path.stat().st_size}))


if __name__ == "__main__":
    main()
