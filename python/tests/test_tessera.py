"""python/tessera without the program; files that the program writes are tested by read_sparse_test.cc."""

import json
import pathlib
import sys
import tempfile
import unittest

import numpy as np

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import tessera  # noqa: E402

try:
    import torch
except ImportError:
    torch = None


def int32(*values):
    return np.array(values, np.int32)


def example():
    """The example of docs/file-format.md."""
    return {"tw_n_ptr": int32(0, 2, 3), "tw_n_idx": int32(0, 2, 3), "tw_k_ptr": int32(0, 2, 5),
            "tw_k_idx": int32(0, 2, 1, 2, 3), "tw_values": np.arange(1, 8, dtype=np.float32)}


DENSE = np.array([[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 5, 6, 7]], np.float32)


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name) / "model.safetensors"

    def tearDown(self):
        self.folder.cleanup()

    def write(self, parts, shape=(4, 4), granularity=2, layout="tw", config=None):
        entry = {"layout": layout, "shape": list(shape), "granularity": granularity}
        tessera.write_safetensors(
            self.path, {f"a.weight.{key}": value for key, value in parts.items()} | {"a.bias": np.ones(4, np.float32)},
            {"tessera.version": "1", "tessera.sparse": json.dumps({"a.weight": entry}),
             "tessera.config": json.dumps(config or {"model": {"type": "mlp"}})})
        return tessera.load(self.path)


class Tiles(Files):
    def test_tiles(self):
        model = self.write(example())
        np.testing.assert_array_equal(model.weights["a.weight"], DENSE)
        np.testing.assert_array_equal(model.masks["a.weight"], DENSE != 0)
        np.testing.assert_array_equal(model.weights["a.bias"], 1)
        self.assertEqual(model.sparsity, 9 / 16)
        self.assertEqual(set(model.weights), {"a.weight", "a.bias"})

    def test_single_weights(self):
        parts = example() | {"tew_row": int32(1, 1), "tew_col": int32(0, 3), "tew_values": np.array([8, 9], np.float32)}
        want = DENSE.copy()
        want[1, [0, 3]] = 8, 9
        np.testing.assert_array_equal(self.write(parts).weights["a.weight"], want)

    def test_two_of_four(self):
        parts = {"tw_n_ptr": int32(0, 1), "tw_n_idx": int32(0), "tw_k_ptr": int32(0, 5), "tw_k_idx": int32(0, 2, 3, 5, 7),
                 "tw_values": np.array([1, 2, 3], np.float32), "tw_meta": np.array([13], np.uint8)}
        model = self.write(parts, shape=(1, 8), layout="tvw")
        np.testing.assert_array_equal(model.weights["a.weight"], [[0, 0, 1, 0, 0, 2, 0, 3]])

    def test_stored_zeros_are_pruned_weights(self):
        parts = example()
        parts["tw_values"] = parts["tw_values"] * (np.arange(7) != 2)
        model = self.write(parts)
        np.testing.assert_array_equal(model.masks["a.weight"], (DENSE != 0) & (DENSE != 3))
        self.assertEqual(model.sparsity, 10 / 16)

    def test_convolutions_keep_their_shape(self):
        np.testing.assert_array_equal(self.write(example(), shape=(4, 1, 2, 2)).weights["a.weight"],
                                      DENSE.reshape(4, 1, 2, 2))

    def test_broken_invariants_are_named(self):
        def broken(key, *values, dtype=np.int32):
            return example() | {key: np.array(values, dtype)}

        single = {"tew_row": int32(1), "tew_col": int32(0), "tew_values": np.ones(1, np.float32)}
        cases = [(broken("tw_n_ptr", 1, 2, 3), "n_ptr must rise"), (broken("tw_k_ptr", 0, 2, 4), "k_ptr must rise"),
                 (broken("tw_n_ptr", 0, 3), "equally long"), (broken("tw_n_idx", 0, 2, 4), r"must lie in \[0, 4\)"),
                 (broken("tw_n_idx", 2, 0, 3), "must grow strictly"), (broken("tw_n_idx", 0, 2, 2), "one tile at most"),
                 (broken("tw_k_idx", 0, 2, 1, 2, 9), r"must lie in \[0, 4\)"),
                 (broken("tw_values", 1, 2, dtype=np.float32), "as many elements"),
                 (broken("tw_values", *range(8), dtype=np.float32), "must have 7 elements"),
                 (example() | single | {"tew_col": int32(4)}, "must lie in the matrix"),
                 (example() | single | {"tew_row": int32(0)}, "disjoint from the tiles"),
                 (example() | single | {"tew_col": int32(0, 1)}, "equally long")]
        for parts, message in cases:
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                self.write(parts)
        with self.assertRaisesRegex(ValueError, "1 to 1 outputs"):
            self.write(example(), granularity=1)

    def test_entries_and_metadata_of_other_types_are_refused(self):
        arrays = {f"a.weight.{key}": value for key, value in example().items()}
        entry = {"layout": "tw", "shape": [4, 4], "granularity": 2}
        cases = [({"tessera.sparse": "{"}, "must be JSON"), ({"tessera.sparse": "[]"}, "JSON object"),
                 ({"tessera.config": "3"}, "JSON object"), ({"tessera.config": '{"model": []}'}, "JSON object"),
                 ({"tessera.sparse": '{"a.weight": 3}'}, "shape and granularity"),
                 ({"tessera.sparse": json.dumps({"a.weight": entry | {"shape": "44"}})}, "rank 2 or more"),
                 ({"tessera.sparse": json.dumps({"a.weight": entry | {"shape": [4, "4"]}})}, "rank 2 or more"),
                 ({"tessera.sparse": json.dumps({"a.weight": entry | {"granularity": []}})}, "must be a number")]
        for metadata, message in cases:
            tessera.write_safetensors(self.path, arrays, metadata)
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                tessera.load(self.path)
        for key, value in (("tw_k_idx", np.ones(5, np.float32)), ("tw_n_ptr", np.zeros((3, 1), np.int32)),
                           ("tw_values", int32(*range(7)))):
            with self.subTest(key), self.assertRaisesRegex(ValueError, f"{key} must be a list of its type"):
                self.write(example() | {key: value})

    def test_places_outside_their_group_are_refused(self):
        parts = {"tw_n_ptr": int32(0, 1), "tw_n_idx": int32(0), "tw_k_ptr": int32(0, 5), "tw_k_idx": int32(0, 1, 2, 3, 4),
                 "tw_values": np.ones(3, np.float32), "tw_meta": np.array([1 | 3 << 2 | 1 << 4], np.uint8)}
        with self.assertRaisesRegex(ValueError, "places of tw_meta"):
            self.write(parts, shape=(1, 8), layout="tvw")


class Safetensors(Files):
    def test_round_trip(self):
        arrays = {"f": np.random.default_rng(1).normal(size=(2, 3)).astype(np.float32), "d": np.array(2.5),
                  "i": np.array([1, -2]), "u": np.array([True, False]), "e": np.zeros((0, 4), np.float32)}
        tessera.save(arrays, self.path)
        read, metadata = tessera.read_safetensors(self.path)
        self.assertEqual(metadata, {"format": "pt"})
        self.assertEqual(set(read), set(arrays))
        for name, array in arrays.items():
            self.assertEqual(read[name].dtype, array.dtype)
            np.testing.assert_array_equal(read[name], array)

    def test_broken_files_are_refused(self):
        def file(header, data=b""):
            text = header if isinstance(header, bytes) else json.dumps(header).encode()
            return len(text).to_bytes(8, "little") + text + data

        def entry(begin, end, **changed):
            return {"dtype": "U8", "shape": [end - begin], "data_offsets": [begin, end]} | changed

        cases = [(b"abc", "8 bytes"), ((1 << 60).to_bytes(8, "little"), "must lie in the file"),
                 (file(b"{,}"), "must be JSON"), (file(b"[]"), "JSON object"), (file(b'{"a": 1, "a": 2}'), "twice"),
                 (file({"a": entry(0, 4)}, b"123"), "in the file"), (file({"a": entry(0, 3)}, b"1234"), "nothing may follow"),
                 (file({"a": entry(1, 3)}, b"123"), "without holes"), (file({"a": entry(0, 2, dtype="Q9")}, b"12"), "types"),
                 (file({"a": entry(0, 2, shape=[3])}, b"12"), "must be 3"),
                 (file({"a": entry(0, 2, dtype=[])}, b"12"), "types"), (file({"__metadata__": []}), "must hold texts"),
                 (file({"__metadata__": {"a": 1}}), "must hold texts"), (file({"a": entry(0, 2, shape=[-2])}, b"12"), "shape")]
        for data, message in cases:
            self.path.write_bytes(data)
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                tessera.read_safetensors(self.path)


@unittest.skipIf(torch is None, "needs torch")
class Modules(Files):
    def test_weights_go_into_a_module_and_back(self):
        module = torch.nn.ModuleDict({"a": torch.nn.Linear(4, 4)})
        self.write(example()).load_into(module)
        np.testing.assert_array_equal(module["a"].weight.detach().numpy(), DENSE)
        tessera.save(module, self.path)
        np.testing.assert_array_equal(tessera.load(self.path).weights["a.weight"], DENSE)

    def test_scalars_and_half_precision(self):
        module = torch.nn.BatchNorm2d(3).bfloat16()  # its num_batches_tracked is a scalar
        module.running_mean.fill_(2)
        for source in (module, module.state_dict()):
            tessera.save(source, self.path)
            read = tessera.load(self.path).load_into(torch.nn.BatchNorm2d(3))
            self.assertEqual(read.running_mean.tolist(), [2, 2, 2])

    def test_what_does_not_fit_is_named(self):
        model = self.write(example())
        with self.assertRaisesRegex(ValueError, "another shape: .*a.weight"):
            model.load_into(torch.nn.ModuleDict({"a": torch.nn.Linear(5, 4)}))
        with self.assertRaisesRegex(ValueError, "missing: .*b.weight"):
            model.load_into(torch.nn.ModuleDict({"a": torch.nn.Linear(4, 4), "b": torch.nn.Linear(1, 1)}))

    def test_tied_weights_are_written_once(self):
        module = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 2), "b": torch.nn.Linear(2, 2)})
        module["b"].weight = module["a"].weight
        tessera.save(module, self.path)
        model = tessera.load(self.path)
        self.assertEqual(set(model.weights), {"a.weight", "a.bias", "b.bias"})
        model.load_into(module)


class HuggingFace(Files):
    def test_conv1d_is_transposed_for_gpt2_only(self):
        array = np.arange(6, dtype=np.float32).reshape(2, 3)
        for kind, want in (("gpt2", array.T), ("bert", array)):
            tessera.write_safetensors(self.path, {"h.0.attn.c_attn.weight": array},
                                      {"tessera.config": json.dumps({"model": {"type": kind}})})
            np.testing.assert_array_equal(tessera.load(self.path).to_hugging_face()["h.0.attn.c_attn.weight"], want)


    def test_the_bias_of_an_untied_masked_lm_stands_twice_there(self):
        arrays = {"cls.predictions.bias": np.ones(2, np.float32), "cls.predictions.decoder.weight": np.eye(2, dtype="f4")}
        config = {"tessera.config": json.dumps({"model": {"type": "bert", "head": "masked_lm"}})}
        tessera.write_safetensors(self.path, arrays, config)
        there = tessera.load(self.path).to_hugging_face()
        self.assertEqual(set(there), {*arrays, "cls.predictions.decoder.bias"})
        tessera.write_safetensors(self.path, there, config | {"tessera.form": "hugging_face"})
        self.assertEqual(set(tessera.load(self.path).weights), set(arrays))


if __name__ == "__main__":
    unittest.main()
