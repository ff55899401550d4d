"""Writes XLA programs of small, well-known architectures, as JAX compiles them
for the CPU: optimised HLO text and the same module as an HloModuleProto.

    pip install jax && python tools/hlo/dump.py OUT
"""

import pathlib
import sys

import jax
import jax.numpy as jnp

# Keep only file names in source locations: the same output on every machine.
jax.config.update("jax_hlo_source_file_canonicalization_regex", ".*/")


def attention_step(params, x):
    """One pre-norm transformer block, forward."""

    def norm(v):
        return v * jax.lax.rsqrt(jnp.mean(v * v, axis=-1, keepdims=True) + 1e-6)

    tokens, width = x.shape
    heads = 8
    q, k, v = jnp.split(norm(x) @ params["qkv"], 3, axis=-1)
    split = lambda t: t.reshape(tokens, heads, width // heads).swapaxes(0, 1)
    scores = jnp.einsum("htd,hsd->hts", split(q), split(k)) / jnp.sqrt(width // heads)
    mixed = jnp.einsum("hts,hsd->htd", jax.nn.softmax(scores), split(v))
    x = x + mixed.swapaxes(0, 1).reshape(tokens, width) @ params["out"]
    return x + jax.nn.gelu(norm(x) @ params["up"]) @ params["down"]


def recurrent(params, h, xs):
    """A gated recurrent cell scanned over a sequence."""

    def cell(h, x):
        gates = jax.nn.sigmoid(x @ params["wx"] + h @ params["wh"])
        z, r = jnp.split(gates, 2, axis=-1)
        new = jnp.tanh(x @ params["nx"] + (r * h) @ params["nh"])
        h = (1 - z) * h + z * new
        return h, h

    return jax.lax.scan(cell, h, xs)


def f32(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


PROGRAMS = {
    "transformer_block": (
        attention_step,
        ({"qkv": f32(256, 768), "out": f32(256, 256), "up": f32(256, 1024), "down": f32(1024, 256)}, f32(128, 256)),
    ),
    "gru_scan": (
        recurrent,
        ({"wx": f32(64, 256), "wh": f32(128, 256), "nx": f32(64, 128), "nh": f32(128, 128)}, f32(4, 128), f32(32, 4, 64)),
    ),
}


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    for name, (function, arguments) in PROGRAMS.items():
        compiled = jax.jit(function).lower(*arguments).compile()
        (out / f"{name}.hlo").write_text(compiled.as_text())
        module = compiled.runtime_executable().hlo_modules()[0]
        (out / f"{name}.pb").write_bytes(module.as_serialized_hlo_module_proto())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
