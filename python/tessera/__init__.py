"""Tessera's model files in Python: see README.md."""

from .model import Model, load, save
from .safetensors import read_safetensors, write_safetensors
from .tiles import unpack

__all__ = ["Model", "load", "read_safetensors", "save", "unpack", "write_safetensors"]
