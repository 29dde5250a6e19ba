// What accuracy and loss do not say of a model of language, measured on test data.
#pragma once

#include "datasets/text/make_text.h"
#include "datasets/text/squad_answers.h"
#include "datasets/text/squad_batches.h"
#include "framework/train/batch_stream.h"
#include "framework/train/summary.h"
#include "layers/module.h"

namespace tessera {

/// Exact match and F1 of the answers of a model with a span head to the questions of `source`,
/// whose batches are `batches`. `model` is in evaluation mode, on their device.
AnswerScores score_answers(Module& model, const SquadBatches& source, BatchStream& batches);

/// exact_match and f1 of answers; f1 and matthews of two classes, over one pass of `test`; bleu of
/// translations, written by beam search (beam 5, GNMT's length penalty with alpha 0.6, at most 1.5
/// times as many tokens as the source's and 10 more) and compared with the references as they stand
/// in their file: the tokens are what stands between spaces. `model` is in evaluation mode, on the
/// device of `test`. The loss is left out.
TextScores score_text(Module& model, const TextData& data, BatchStream& test);

}  // namespace tessera
