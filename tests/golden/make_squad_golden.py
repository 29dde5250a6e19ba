#!/usr/bin/env python3
"""Writes tests/golden/squad: two tiny files in SQuAD's format, and what the references make of them.

    python3 tests/golden/make_squad_golden.py     # needs tokenizers and sacrebleu

SQuAD itself is not part of this repository: the contexts and questions are made up here. The
vocabulary is tests/golden/tokenizers/wordpiece_vocab.txt, the tokens and their places are those of
Hugging Face's `tokenizers`. By their definitions:
  windows   run_squad.py of Devlin et al.'s BERT: sliding windows, answers cut by a window at [CLS]
  answers   the n-best lists of transformers' run_qa.py, for logits that both sides compute
  scores    evaluate-v1.1.py and evaluate-v2.0.py of Rajpurkar et al.
"""
import json
import pathlib

from make_tokenizer_golden import f1_score, normalize_answer
from tokenizers import BertWordPieceTokenizer

HERE = pathlib.Path(__file__).parent
OUT = HERE / "squad"
TOKENIZER = BertWordPieceTokenizer(str(HERE / "tokenizers" / "wordpiece_vocab.txt"), lowercase=True)
CLS, SEP = TOKENIZER.token_to_id("[CLS]"), TOKENIZER.token_to_id("[SEP]")
MAX_LENGTH, MAX_QUESTION, STRIDE, MAX_ANSWER, N_BEST, OF_NONE = 32, 10, 12, 6, 20, 52

KING = ("The old king of Zażółć met the Duke of York near a café in Ångström, in the year 1593. "
        "The duke, a friend of the king, gave him three horses and an apple. The king was so pleased "
        "that he gave the duke his crown, his castle and all of his 1,200 sheep!")
CITY = "東京は日本の首都です。 The city of Tokyo is the capital of Japan; it has 14 million people."
SHORT = "It rained."


def answer(context, text, start=None):
    return {"text": text, "answer_start": context.index(text) if start is None else start}


def question(number, text, answers, **more):
    return {"id": f"q{number}", "question": text, "answers": answers, **more}


def squad_file(version, paragraphs):
    return {"version": version, "data": [{"title": "made up", "paragraphs": [
        {"context": context, "qas": questions} for context, questions in paragraphs]}]}


V1 = squad_file("1.1", [
    (KING, [question(1, "Whom did the king meet?", [answer(KING, "the Duke of York"), answer(KING, "Duke of York")]),
            question(2, "What did the duke give the king?", [answer(KING, "three horses and an apple")]),
            question(3, "Where did they meet?", [answer(KING, "café in Ångström"), answer(KING, "a café")]),
            question(4, "How many sheep did the king, who was pleased, give to the duke, his friend?",
                     [answer(KING, "1,200", KING.index("1,200") + 1)]),
            question(5, "What is not in the text?", [answer(KING, "a ship", 0)])]),
    (CITY, [question(6, "What is the capital?", [answer(CITY, "東京"), answer(CITY, "Tokyo")]),
            question(7, "How many people?", [answer(CITY, "14 million")])]),
    (SHORT, [question(8, "What did it do?", [answer(SHORT, "rained")])])])
V2 = squad_file("v2.0", [
    (KING, [question(1, "Whom did the king meet?", [answer(KING, "the Duke of York")], is_impossible=False),
            question(2, "Whom did the queen meet?", [], is_impossible=True,
                     plausible_answers=[answer(KING, "the Duke of York")]),
            question(3, "Which article?", [answer(KING, "The"), answer(KING, "a", 45)], is_impossible=False)]),
    (CITY, [question(4, "What is the capital of France?", [], is_impossible=True),
            question(5, "How many people?", [answer(CITY, "14 million"), answer(CITY, "14 million people")],
                     is_impossible=False)])])

# By hand, what a model may say: near misses, articles and punctuation, nothing.
SAID = {"v1.json": ["duke of york!", "horses and the apple", "a Café", "1200", "ship", "tokyo", "fourteen million", ""],
        "v2.json": ["The duke", "", "an", "Paris", "14  million people."]}


def token_place(offsets, context, given):
    """First and last token of the first answer; its start may be up to two characters off."""
    text, start = given["text"], given["answer_start"]
    for slip in (0, -1, 1, -2, 2):
        at = start + slip
        if at >= 0 and context[at:at + len(text)] == text:
            inside = [i for i, (begin, end) in enumerate(offsets) if end > at and begin < at + len(text)]
            return inside[0], inside[-1]
    return None


def windows_of(data):
    """Windows, questions and contexts, in the order of the file; training's windows would lack those without a place."""
    windows, questions, contexts = [], [], []
    for paragraph in data["data"][0]["paragraphs"]:
        context = paragraph["context"]
        tokens = TOKENIZER.encode(context, add_special_tokens=False)
        contexts.append((context, tokens))
        for qa in paragraph["qas"]:
            query = TOKENIZER.encode(qa["question"], add_special_tokens=False).ids[:MAX_QUESTION]
            place = token_place(tokens.offsets, context, qa["answers"][0]) if qa["answers"] else None
            room, start = MAX_LENGTH - len(query) - 3, 0
            while True:
                length = min(room, len(tokens.ids) - start)
                first = len(query) + 2
                target = [0, 0]
                if place and place[0] >= start and place[1] < start + length:
                    target = [first + place[0] - start, first + place[1] - start]
                windows.append({
                    "question": len(questions), "first": first, "token": start, "count": length, "target": target,
                    "ids": [CLS, *query, SEP, *tokens.ids[start:start + length], SEP],
                    "types": [0] * first + [1] * (length + 1)})
                if start + length == len(tokens.ids):
                    break
                start += min(length, STRIDE)
            questions.append((qa, len(contexts) - 1))
    return windows, questions, contexts


def logit(window, side, token, of_none):
    """Multiples of 1/64, so that sums are exact in fp32; [CLS] gets `of_none` more. squad_golden_test.cc has the same."""
    mixed = ((window * 7919 + side * 104729 + token * 31337 + 1) * 2654435761 % 2**32 >> 20) / 64
    return mixed + (of_none if token == 0 else 0)


def best_answers(windows, questions, contexts, may_be_impossible):
    out = []
    for number, (_, at) in enumerate(questions):
        context, tokens = contexts[at]
        found, none = [], None
        for w, window in enumerate(windows):
            if window["question"] != number:
                continue
            of_none = OF_NONE if may_be_impossible else 0
            begin, end = ([logit(w, side, t, of_none) for t in range(len(window["ids"]))] for side in (0, 1))
            none = min(begin[0] + end[0], none) if none is not None else begin[0] + end[0]
            for s in sorted(range(len(begin)), key=lambda i: -begin[i])[:N_BEST]:
                for e in sorted(range(len(end)), key=lambda i: -end[i])[:N_BEST]:
                    last = window["first"] + window["count"] - 1
                    if window["first"] <= s <= e <= last and e - s < MAX_ANSWER:
                        shift = window["token"] - window["first"]
                        found.append((begin[s] + end[e], tokens.offsets[s + shift][0], tokens.offsets[e + shift][1]))
        best = max(found)
        places = {place[1:] for place in found if place[0] == best[0]}
        assert len(places) == 1, f"a tie in question {number}: {places}"
        out.append("" if may_be_impossible and none > best[0] else context[best[1]:best[2]])
    return out


def compute_f1_v2(gold, said):
    gold_tokens, said_tokens = normalize_answer(gold).split(), normalize_answer(said).split()
    if not gold_tokens or not said_tokens:
        return int(gold_tokens == said_tokens)
    return f1_score(said, gold)


def scores(questions, predictions, version):
    exact, f1 = [], []
    for (qa, _), said in zip(questions, predictions, strict=True):
        gold = [a["text"] for a in qa["answers"]]
        if version == 2:
            gold = [a for a in gold if normalize_answer(a)] or [""]
        exact.append(max(float(normalize_answer(said) == normalize_answer(a)) for a in gold))
        f1.append(max(compute_f1_v2(a, said) if version == 2 else f1_score(said, a) for a in gold))
    return {"predictions": predictions, "exact_match": sum(exact) / len(exact), "f1": sum(f1) / len(f1)}


def main():
    OUT.mkdir(exist_ok=True)
    expected = {"max_length": MAX_LENGTH, "max_question_length": MAX_QUESTION, "doc_stride": STRIDE,
                "max_answer_length": MAX_ANSWER}
    for name, data, version in (("v1.json", V1, 1), ("v2.json", V2, 2)):
        (OUT / name).write_text(json.dumps(data, ensure_ascii=False) + "\n")
        windows, questions, contexts = windows_of(data)
        found = best_answers(windows, questions, contexts, version == 2)
        expected[name] = {"windows": windows, "found": scores(questions, found, version),
                          "said": scores(questions, SAID[name], version)}
        print(name, len(questions), "questions,", len(windows), "windows;", found)
    (OUT / "expected.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
