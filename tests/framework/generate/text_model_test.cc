#include "framework/generate/text_model.h"

#include <array>

#include "datasets/text/squad_answers.h"
#include "framework/autograd/autograd.h"
#include "framework/generate/sample.h"
#include "framework/generate/translate.h"
#include "tests/datasets/dataset_testing.h"
#include "tests/framework/generate/text_model_files.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

struct Answered {
  std::vector<TextAnswer> answers;
  std::string description;
};

Answered answers_of(const std::filesystem::path& path, const std::vector<std::string>& texts,
                    const TextOptions& options = {}) {
  const auto model = make_text_model(read_model_file(path), path, Device{}, options);
  std::vector<ModelText> read;
  for (const std::string& text : texts) read.push_back(model->read(text, "the text"));
  auto answers = model->answer(read);
  return {std::move(answers), model->describe(false)};
}

std::string error_of(const std::filesystem::path& path, const std::string& text,
                     const TextOptions& options = {}) {
  return message_of([&] { answers_of(path, {text}, options); });
}

/// ids i64 [1, T].
Tensor row_of(const std::vector<int64_t>& ids) { return Tensor::from(ids, {1, std::ssize(ids)}); }

std::vector<float> logits_at_the_end(Module& model, const std::vector<Tensor>& inputs) {
  const NoGrad no_grad;
  const Tensor logits = model.forward_batch(inputs);
  const int64_t V = logits.shape()[logits.rank() - 1];
  const float* const end = logits.data<float>() + logits.numel();
  return {end - V, end};
}

}  // namespace

TEST_CASE("classes are those of the model's forward pass, in the texts' order, dense and sparse") {
  const TemporaryFolder folder;
  const auto path = folder / "bert";
  for (const bool is_sparse : {false, true}) {
    write_text_model(path, text_card("bert"), is_sparse);
    const ModelFile file = read_model_file(path);
    CHECK(file.tiles.empty() != is_sparse);
    const auto model = load_model(file, path).model;
    const auto [answers, description] =
        answers_of(path, {"a dog", "", "a dog runs a cat sleeps", "dog\tcat runs"},
                   {.batch_size = 2, .top = 2});
    const std::vector<std::vector<Tensor>> inputs = {
        {row_of({2, 4, 5, 3}), row_of({4}).alias({1}), row_of({0, 0, 0, 0})},
        {},
        {row_of({2, 4, 5, 7, 4, 6, 8, 3}), row_of({8}).alias({1}),
         row_of({0, 0, 0, 0, 0, 0, 0, 0})},
        {row_of({2, 5, 3, 6, 7, 3}), row_of({6}).alias({1}), row_of({0, 0, 0, 1, 1, 1})}};
    for (size_t i = 0; i < inputs.size(); ++i) {
      CAPTURE(i);
      REQUIRE(answers[i].is_given == !inputs[i].empty());
      if (inputs[i].empty()) continue;
      const auto logits = logits_at_the_end(*model, inputs[i]);
      const double difference = logits[1] - logits[0];
      const size_t likeliest = difference > 0;
      CHECK(answers[i].classes[0].name == file.card.class_names[likeliest]);
      CHECK(answers[i].classes[0].probability ==
            doctest::Approx(1 / (1 + std::exp(-std::abs(difference)))).epsilon(1e-4));
      CHECK(answers[i].classes.size() == 2);
    }
    CHECK((description.find("as packed") != description.npos) == is_sparse);
  }
}

TEST_CASE("a greedy continuation is the forward pass's likeliest token, again and again") {
  const TemporaryFolder folder;
  const auto path = folder / "gpt2";
  ModelCard modern = text_card("gpt2");
  modern.model.norm_type = "rms";
  modern.model.positions = "rotary";
  modern.model.activation = "swiglu";
  for (const auto& [card, is_sparse] : {std::pair{text_card("gpt2"), false},
                                        {text_card("gpt2"), true},
                                        {modern, false},
                                        {modern, true}}) {
    write_text_model(path, card, is_sparse);
    const auto model = load_model(read_model_file(path), path).model;
    std::vector<int64_t> ids = {4, 5};
    std::string expected;
    const auto tokens = word_vocabulary().tokens;
    while (ids.size() < 7) {
      const auto logits = logits_at_the_end(*model, {row_of(ids)});
      ids.push_back(std::max_element(logits.begin(), logits.end()) - logits.begin());
      if (ids.back() == 3) break;
      const bool is_shown = ids.back() != 0 && ids.back() != 2;
      if (is_shown)
        expected += (expected.empty() ? "" : " ") + tokens[static_cast<size_t>(ids.back())];
    }
    const TextOptions greedy{.max_tokens = 5, .temperature = 0};
    const auto answer = answers_of(path, {"a dog", ""}, greedy).answers;
    CHECK(answer[0].text == expected);
    CHECK(answer[0].has_ended == (ids.back() == 3));
    CHECK_FALSE(answer[1].is_given);
  }
}

TEST_CASE("continuations: draws by seed and place, limits of positions, cut prompts") {
  const TemporaryFolder folder;
  const auto path = folder / "gpt2";
  write_text_model(path, text_card("gpt2"), false);
  const auto texts_of = [&](const TextOptions& options) {
    std::vector<std::string> texts;
    for (const TextAnswer& answer : answers_of(path, {"a dog", "a dog"}, options).answers)
      texts.push_back(answer.text);
    return texts;
  };
  const TextOptions seven{.max_tokens = 10, .temperature = 3, .seed = 7};
  const auto drawn = texts_of(seven);
  CHECK(drawn == texts_of(seven));
  CHECK(drawn[0] != drawn[1]);
  CHECK(drawn[1] == texts_of({.max_tokens = 10, .temperature = 3, .seed = 8})[0]);

  // 12 positions: the last token is not read again.
  const std::string nine = "a a a a a a a a a";
  const TextOptions four{.max_tokens = 4};
  CHECK(answers_of(path, {nine}, four).answers[0].is_given);
  check_message(error_of(path, nine + " a", four), "the text must have at most 9 tokens");
  CHECK(answers_of(path, {nine + " a a a"}).answers[0].tokens <= 1);
  check_message(error_of(path, nine + " a a a a"), "must have at most 12 tokens");
  check_message(error_of(path, "a", {.max_tokens = 13}), "--max-tokens must be at least 1");
  check_message(error_of(path, "a", {.top_p = 0}), "--top-p must lie in (0, 1]");
  const auto model =
      make_text_model(read_model_file(path), path, Device{}, {.truncate = true, .max_tokens = 11});
  const ModelText cut = model->read("dog cat runs", "the text");
  CHECK(cut.is_cut);
  CHECK(cut.encoding.ids == std::vector<int32_t>{6, 7});
}

TEST_CASE("translations are beam search's, in the texts' order, of seq2seq and nmt") {
  const TemporaryFolder folder;
  const auto path = folder / "model";
  for (const char* const type : {"seq2seq", "nmt"}) {
    CAPTURE(type);
    write_text_model(path, text_card(type), true);
    const auto model = load_model(read_model_file(path), path).model;
    const auto tokenizer = make_tokenizer(word_vocabulary());
    const std::vector<std::string> texts = {"a dog runs", "", "cat", "a cat sleeps é"};
    const auto answers =
        answers_of(path, texts, {.batch_size = 1, .beam = 3, .length_penalty = 1}).answers;
    for (size_t i = 0; i < texts.size(); ++i) {
      CAPTURE(i);
      CHECK(answers[i].is_given == !texts[i].empty());
      if (texts[i].empty()) continue;
      std::vector<int64_t> source;
      for (const int32_t id : tokenizer->encode(texts[i])) source.push_back(id);
      source.push_back(3);
      const auto steps =
          make_token_steps(*model, {row_of(source), row_of({std::ssize(source)}).alias({1})}, 3);
      const int64_t usual = std::ssize(source) * 3 / 2 + 10;
      const auto best = beam_search(
          *steps, 1,
          {.beam = 3,
           .max_length = type == std::string("nmt") ? usual : std::min(usual, kTextPositions),
           .length_penalty = 1,
           .begin = 2,
           .end = 3})[0];
      CHECK(answers[i].text == tokenizer->decode(best.tokens));
      CHECK(answers[i].score == doctest::Approx(best.score).epsilon(1e-5));
    }
  }
  write_text_model(path, text_card("seq2seq"), false);
  const std::string twelve = "a a a a a a a a a a a a";
  check_message(error_of(path, twelve), "the text must have at most 12 tokens");
  CHECK(answers_of(path, {twelve}, {.truncate = true}).answers[0].is_given);
  check_message(error_of(path, "a", {.beam = 0}), "--beam must be at least 1");
}

TEST_CASE("lines that grow are served by few plans, each for twice the tokens") {
  const TemporaryFolder folder;
  const auto path = folder / "bert";
  ModelCard card = text_card("bert");
  card.model.max_positions = 70;
  write_text_model(path, card, true);
  const ModelFile file = read_model_file(path);
  const auto model = make_text_model(file, path, {}, {});
  const auto whole = load_model(file, path).model;
  std::string line = "a";
  std::vector<std::string> plans;
  for (int64_t words = 1; words < 68; words += 6) {
    const ModelText text = model->read(line, "the line");
    const auto answers = model->answer({&text, 1});
    const int64_t length = std::ssize(text.encoding.ids);
    CHECK(length == words + 2);
    const NoGrad no_grad;
    const Tensor logits =
        whole->forward_batch({row_of({text.encoding.ids.begin(), text.encoding.ids.end()}),
                              Tensor::full({1}, static_cast<double>(length), {.dtype = DType::i64}),
                              Tensor::zeros({1, length}, {.dtype = DType::i64})});
    const auto expected = top_classes(logits, card, 1);
    CHECK(answers[0].classes[0].name == expected[0][0].name);
    CHECK(answers[0].classes[0].probability ==
          doctest::Approx(expected[0][0].probability).epsilon(1e-4));
    std::string plan = model->describe(true);
    plan = plan.substr(0, plan.find(':'));
    if (plans.empty() || plans.back() != plan) plans.push_back(plan);
    for (int i = 0; i < 6; ++i) line += " a";
  }
  REQUIRE(plans.size() == 4);
  CHECK(plans[1].ends_with("up to 32 tokens"));
  CHECK(plans[3].ends_with("up to 70 tokens"));
}

TEST_CASE("answers are the spans of the model's forward pass over the windows of a text") {
  const TemporaryFolder folder;
  const auto path = folder / "bert";
  const auto tokenizer = make_tokenizer(
      {.type = "wordpiece",
       .options = {.lowercase = true},
       .tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "dog", "cat", "##s", "run", "sleep"}});
  ModelCard card = text_card("bert");
  card.class_names.clear();
  card.tokenizer = tokenizer->serialize();
  card.model.head = "span";
  // 12 positions: a question has at most 4 tokens, a window 9 - its tokens of the text.
  const std::string question = "Cats sleep", context = "A dog, a cat; dogs RUN! a cat sleeps";
  for (const bool is_sparse : {false, true}) {
    write_text_model(path, card, is_sparse);
    const auto model = load_model(read_model_file(path), path).model;
    SquadFile file;
    file.contexts = {context, "dog"};
    file.questions = {{.id = "", .text = question, .context = 0, .answers = {}, .place = {}},
                      {.id = "", .text = "a", .context = 1, .answers = {}, .place = {}}};
    const SquadSet set = make_squad_set(
        file, dynamic_cast<const WordPiece&>(*tokenizer),
        {.max_length = 12, .max_question_length = 4, .doc_stride = 4, .max_answer_length = 30},
        false);
    CHECK(set.windows.size() == 4);
    AnswerFinder finder(set);
    const NoGrad no_grad;
    for (int64_t i = 0; i < std::ssize(set.windows); ++i) {
      const TextRow* const row = &set.windows[static_cast<size_t>(i)].text;
      finder.add(std::array{i},
                 model->forward_batch(text_inputs({&row, 1}, longest_of({&row, 1}), 0)));
    }
    const auto expected = finder.answers();
    const auto [answers, description] =
        answers_of(path, {question + "\t" + context, "", "a\tdog"}, {.batch_size = 2});
    CHECK(answers[0].text == expected[0].text);
    CHECK(context.find(answers[0].text) != std::string::npos);
    CHECK(answers[0].score == doctest::Approx(expected[0].score).epsilon(1e-4));
    CHECK_FALSE(answers[1].is_given);
    CHECK(answers[2].text == "dog");
    CHECK((description.find("as packed") != description.npos) == is_sparse);
  }
  check_message(
      error_of(path, "a dog"),
      "the text must be a question, a tab and the text that holds the answer; got no tab");
  check_message(error_of(path, "a\tb\tc"), "got more than one tab");
  check_message(error_of(path, "a a a a a\tdog"),
                "the question of the text must have at most 4 tokens; got 5");
  CHECK(answers_of(path, {"a a a a a\tdog"}, {.truncate = true}).answers[0].text == "dog");
}

TEST_CASE("what a file must hold to answer texts") {
  const TemporaryFolder folder;
  const auto path = folder / "model";
  const auto error_with = [&](const std::function<void(ModelCard&)>& change,
                              const std::string& type = "bert") {
    ModelCard card = text_card(type);
    change(card);
    write_text_model(path, card, false);
    return error_of(path, "a dog");
  };
  check_message(error_with([](ModelCard& card) { card.tokenizer.clear(); }),
                "must hold the vocabulary that its text is read with; got none");
  check_message(error_with([](ModelCard& card) { card.target_tokenizer.clear(); }, "nmt"),
                "must hold the vocabulary");
  check_message(error_with([](ModelCard& card) { card.model.vocab_size = 9; }),
                "at most as many tokens as its model has places for, 9; got 10");
  check_message(error_with([](ModelCard& card) { card.model.head = "masked_lm"; }),
                "must have its head for classification or span; got the head masked_lm");
  check_message(error_with([](ModelCard& card) {
                  card.model.head = "span";
                  card.model.segments = 1;
                }),
                "must tell a question from its text, by two segments; got 1");
  check_message(error_with([](ModelCard& card) { card.model.head = "span"; }),
                "must hold a WordPiece vocabulary, whose tokens say where they stand, to answer "
                "questions; got one of type words");
  write_text_model(path, text_card("bert"), false);
  check_message(error_of(path, "a\tdog\tcat"), "must be one text, or two with a tab between");
  check_message(error_of(path, "a a a a a a a a a a a"), "must have at most 12 tokens");
  CHECK(answers_of(path, {"a a a a a a a a a a a"}, {.truncate = true}).answers[0].is_given);
}

TEST_CASE("a model with more places than its vocabulary has tokens never writes the others") {
  const TemporaryFolder folder;
  const auto path = folder / "model";
  ModelCard card = text_card("gpt2");
  card.model.vocab_size = card.model.num_classes = 500;
  write_text_model(path, card, false);
  CHECK(answers_of(path, {"a dog"}, {.max_tokens = 10, .temperature = 100}).answers[0].is_given);
}
