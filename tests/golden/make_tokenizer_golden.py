#!/usr/bin/env python3
"""Writes tests/golden/tokenizers with Hugging Face's `tokenizers` and with sacrebleu.

    TESSERA_DATA=... python3 tests/golden/make_tokenizer_golden.py

corpus.txt is the start of Shakespeare's works from $TESSERA_DATA/tinyshakespeare with lines of other
scripts after it; all vocabularies are trained on it. Texts stand in the JSON files as hex of their
bytes, so that invalid UTF-8 and control characters survive: Python replaces what is invalid, as
Tessera does.
"""
import collections
import json
import os
import pathlib
import re
import string

import sacrebleu
from tokenizers import (Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

OUT = pathlib.Path(__file__).parent / "tokenizers"
CORPUS = OUT / "corpus.txt"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

FOREIGN = """\
Zażółć gęślą jaźń. Übergrößenträger, naïve café, Ångström, señor.
東京は日本の首都です。 我喜欢学习。 서울은 대한민국의 수도이다.
Привет, мир! Ελληνικά: καλημέρα κόσμε. שלום עולם مرحبا بالعالم
नमस्ते दुनिया 🙂 👩‍👩‍👧 🇩🇪 don't we'll I'm they've it's you'd we're
1234567890 3.14159 1,000,000 $9.99 50% a_b-c/d <tag> x==y;
"""

TEXTS = [
    "", " ", "  ", "\n", "\t", "a", "A", "Hello, world!", "hello   world", " leading", "trailing ",
    "  both  ", "line one\nline two\r\nline three\n\n\nend", "tab\tseparated\ttext", "\n\n x", " \n x",
    "x \n", "First Citizen:\nBefore we proceed any further, hear me speak.",
    "What's done is done; 'tis the king's, I'll say they've we're you'd I'm don't.",
    "DON'T SHOUT I'M HERE'S", "'s 't 're 've 'm 'll 'd 'x ''s", "a'sb", "!'s", "it''s",
    "naïve café Übergröße Ångström señor façade", "e\u0301\u0301 a\u0308o\u0323\u0302",
    "Zażółć gęślą jaźń", "İstanbul ılık İ", "ΟΔΥΣΣΕΥΣ Σ σς", "ǅ ǈ ǋ ẞ ß ﬁ ﬀ Ⅷ ⅷ K Å",
    "東京は日本の首都です。", "我喜欢abc学习xyz。", "서울은 대한민국의 수도이다", "한국어 각 가",
    "豈 \U0002f800 \u3400 \u4dc0 \U00020000 \U0002a700", "Привет, МИР! Ёлка Й", "שָׁלוֹם עולם", "مَرْحَبًا",
    "नमस्ते दुनिया क्षत्रिय", "ไทยภาษา ກາ", "🙂🙃 👩‍👩‍👧 🇩🇪 ☃️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛",
    "1234567890 3.14159 1,000,000 1e-5 0x1F ²³ ½ ٣٤ ௧", "a1b2c3", "x_y__z-w--v", "$9.99 50% #tag @user",
    "!!! ??? ... ,,, ;;; ((()))", "“quoted” ‘single’ – — … « »", "a+b=c<d>e|f~g`h^i", "§¶†‡•‣ €£¥ ©®™ °±×÷",
    "\x00 null\x00inside", "\x01\x02\x1f control \x7f\x80\x9f chars", "soft\u00adhyphen zero\u200bwidth\u200djoin",
    "bom\ufeffmark \ufeff", "nbsp\u00a0here ideographic\u3000space thin\u2009space\u2028line\u2029para\u0085nel",
    "\u1680ogham \u180emongol \u205fmath", "\x1c\x1d\x1e\x1f separators", "\v\f vertical",
    "private \ue000 use \U000f0000", "unassigned \u0378 \U0003fffd", "\ufffd replacement",
    "a" * 99, "a" * 100, "a" * 101, "é" * 100, "é" * 101, "supercalifragilisticexpialidocious " * 3,
    "king " * 50, "=" * 40, " " * 33 + "x", "\n" * 17, "ab" * 300,
    "[CLS] text [SEP] with [MASK] tokens[PAD]inside [UNK]", "[cls] [MASK][MASK]", "[ MASK ] [MAS",
    "<|endoftext|>", "a<|endoftext|>b <|endoftext|> c", "<|endoftext", "<<|endoftext|>>",
    "##ing ## # #a", "do not . ? ! , ' n't 'm 's 've 're", "I do not know . What ? Well , it 's !",
    "http://example.com/a?b=c&d=e#f user.name+tag@mail.example.org", "C:\\path\\to\\file.txt", "{\"json\": [1, 2, null]}",
    "Ａｂｃ　１２３！", "①②③ ㈠ ㊿", "ｶﾞｷﾞ ガギ か\u3099", "\u0344 \u0340a\u0341 \u1fef \u037e \u0387 \u212a \u2126",
    "\u09cb \u0bca \u0ccb \U0001d15e \U0001d162", "a\u0300\u0301\u0302b", "\u0301lone mark", "\u200d\u200c", "ﷺ ﷽",
]
INVALID = [b"\xff", b"abc\xffdef", b"\xc3", b"caf\xc3", b"\xe2\x82", b"\xe2\x82x", b"\xf0\x9f\x99", b"\xf0\x9f\x99 x",
           b"\x80\x80\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf5\x80", b"ok\xfe\xfeok", b"\xe0\x80\x80",
           b"a\xf0\x82\x82\xacb", b"\xc3\xa9\xc3"]
PAIRS = [("How art thou?", "I am well, good sir, and thank thee for asking."), ("", "only second"), ("only first", ""),
         ("one two three four five six seven eight", "nine"), ("nine", "one two three four five six seven eight"),
         ("equal length here", "equal length too")]
LENGTHS = [3, 4, 5, 7, 8, 12, 40]


def write(name, value):
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    (OUT / name).write_text(text.replace("},{", "},\n{") + "\n")


def inputs():
    return [text.encode("utf-8") for text in TEXTS] + INVALID


def encodings(tokenizer, repairs):
    for raw in inputs():
        text = raw.decode("utf-8", errors="replace")
        if not repairs and text.encode("utf-8") != raw:
            continue
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        yield {"text": raw.hex(), "ids": ids,
               "decoded": tokenizer.decode(ids, skip_special_tokens=True).encode().hex(),
               "with_special": tokenizer.decode(ids, skip_special_tokens=False).encode().hex()}


def pairs(tokenizer):
    for first, second in PAIRS:
        for length in [0] + LENGTHS:
            if length:
                tokenizer.enable_truncation(length, strategy="longest_first")
            else:
                tokenizer.no_truncation()
            pair, single = tokenizer.encode(first, second), tokenizer.encode(first)
            yield {"first": first, "second": second, "max_length": length, "ids": pair.ids,
                   "types": pair.type_ids, "single": single.ids}
    tokenizer.no_truncation()


def bert(cased, vocabulary=None):
    tokenizer = Tokenizer(models.WordPiece(vocabulary or {}, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True,
                                                      strip_accents=None, lowercase=not cased)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    return tokenizer


def make_wordpiece():
    # The ids that the trainer gives to "##x" change from run to run: the vocabulary is made once.
    path = OUT / "wordpiece_vocab.txt"
    if not path.exists():
        tokenizer = bert(cased=True)
        tokenizer.train([str(CORPUS)], trainers.WordPieceTrainer(vocab_size=900, min_frequency=2, special_tokens=SPECIAL))
        vocabulary = tokenizer.get_vocab()
        path.write_text("".join(token + "\n" for token in sorted(vocabulary, key=vocabulary.get)))
    vocabulary = {token: i for i, token in enumerate(path.read_text().splitlines())}
    for cased in (True, False):
        tokenizer = bert(cased, vocabulary)
        tokenizer.add_special_tokens(SPECIAL)
        ids = {token: vocabulary[token] for token in ("[CLS]", "[SEP]")}
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
        write(f"wordpiece_{'cased' if cased else 'uncased'}.json",
              {"texts": list(encodings(tokenizer, repairs=True)), "pairs": list(pairs(tokenizer))})


def make_wordpiece_spans():
    """The bytes of a text that each token stands for, without special tokens in the text."""
    vocabulary = {token: i for i, token in enumerate((OUT / "wordpiece_vocab.txt").read_text().splitlines())}
    for cased in (True, False):
        tokenizer, cases = bert(cased, vocabulary), []
        for text in TEXTS:
            if len(text) > 60 or not text.isprintable():
                continue
            encoding = tokenizer.encode(text, add_special_tokens=False)
            places = [len(text[:place].encode()) for offsets in encoding.offsets for place in offsets]
            cases.append({"text": text.encode().hex(), "ids": encoding.ids, "spans": places})
        write(f"wordpiece_spans_{'cased' if cased else 'uncased'}.json", cases)


def make_bpe():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train([str(CORPUS)], trainers.BpeTrainer(vocab_size=900, min_frequency=2, special_tokens=["<|endoftext|>"],
                                                       initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.model.save(str(OUT), "bpe")
    write("bpe.json", {"texts": list(encodings(tokenizer, repairs=False))})
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    write("bpe_prefix_space.json", {"texts": [t for t in encodings(tokenizer, repairs=False)][:40]})


HYPOTHESES = ["the cat sat on the mat .", "It's a dog -- isn't it?", "Prices rose 3.5% to $1,000.50, he said.",
              "ein mann schläft in einem grünen raum .", "", "a-b 1-2 c.d 3.d d.3 ,x", "&quot;Hi&quot; &amp; bye &lt;b&gt;",
              "completely different words here", "日本 語 。 テスト", "one two three", "  spaces   everywhere  ", "A.B.C. U.S.A. e.g., i.e."]
REFERENCES = ["the cat is on the mat .", "It's a dog - isn't it ?", "Prices rose 3.5 % to $1,000.50 , he said.",
              "ein mann schläft auf einem sofa in einem raum .", "something", "a-b 1 - 2 c.d 3.d d.3 , x", "\"Hi\" & bye <b>",
              "nothing in common at all", "日本 語 の テスト", "one two three four", "spaces everywhere", "A.B.C. U.S.A. e.g. , i.e."]
SECOND = ["a cat sat on a mat .", "Isn't it a dog?", "Prices went up 3.5%.", "ein mann schläft .", "other", "x", "Hi & bye",
          "other different words", "日本 語", "one two", "everywhere spaces", "U.S.A."]


def make_bleu():
    cases = []
    groups = {"all": slice(None), "first": slice(0, 1), "short": slice(9, 10), "none_match": slice(7, 8), "empty": slice(4, 5)}
    for name, part in groups.items():
        for tokenize in ("13a", "none"):
            for lowercase in (False, True):
                for references in ([REFERENCES[part]], [REFERENCES[part], SECOND[part]]):
                    score = sacrebleu.metrics.BLEU(tokenize=tokenize, lowercase=lowercase).corpus_score(HYPOTHESES[part], references)
                    cases.append({"name": name, "tokenize": tokenize, "lowercase": lowercase, "hypotheses": HYPOTHESES[part],
                                  "references": references, "score": score.score, "precisions": score.precisions,
                                  "brevity_penalty": score.bp, "hypothesis_length": score.sys_len, "reference_length": score.ref_len})
    write("bleu.json", cases)


# From SQuAD's evaluate-v1.1.py (Rajpurkar et al., 2016).
def normalize_answer(s):
    def remove_articles(text):
        return re.sub(r'\b(a|an|the)\b', ' ', text)

    def white_space_fix(text):
        return ' '.join(text.split())

    def remove_punc(text):
        exclude = set(string.punctuation)
        return ''.join(ch for ch in text if ch not in exclude)

    return white_space_fix(remove_articles(remove_punc(s.lower())))


def f1_score(prediction, ground_truth):
    prediction_tokens = normalize_answer(prediction).split()
    ground_truth_tokens = normalize_answer(ground_truth).split()
    common = collections.Counter(prediction_tokens) & collections.Counter(ground_truth_tokens)
    num_same = sum(common.values())
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(prediction_tokens)
    recall = 1.0 * num_same / len(ground_truth_tokens)
    return (2 * precision * recall) / (precision + recall)


ANSWERS = [("The Cat", ["cat"]), ("a  cat, and the dog.", ["cat and dog", "dog"]), ("", [""]), ("the", ["a"]), ("x", [""]),
           ("Denver Broncos", ["Denver Broncos", "The Denver Broncos!", "broncos"]), ("theatre an-the other", ["theatre other"]),
           ("in 1990, the U.S.", ["1990", "the US in 1990"]), ("“the” café–a naïve", ["café naïve"]), ("la a la", ["la la la"]),
           ("ÉCOLE the école", ["école"]), ("a\u00a0b\u3000the c", ["b c"]), ("to be or not to be", ["be to to"]), ("3,5", ["35"])]


def make_squad():
    write("squad.json", [{"prediction": prediction, "answers": answers, "normalized": normalize_answer(prediction),
                          "exact": float(max(normalize_answer(prediction) == normalize_answer(a) for a in answers)),
                          "f1": max(f1_score(prediction, a) for a in answers)} for prediction, answers in ANSWERS])


def main():
    OUT.mkdir(exist_ok=True)
    shakespeare = pathlib.Path(os.environ["TESSERA_DATA"], "tinyshakespeare", "input.txt").read_text()[:40000]
    CORPUS.write_text(shakespeare[:shakespeare.rindex("\n") + 1] + FOREIGN)
    make_wordpiece()
    make_wordpiece_spans()
    make_bpe()
    make_bleu()
    make_squad()
    for path in sorted(OUT.iterdir()):
        print(f"{path.stat().st_size:8} {path.name}")


if __name__ == "__main__":
    main()
