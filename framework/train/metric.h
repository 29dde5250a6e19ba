// What the models of a task are compared by.
#pragma once

#include <cstdint>
#include <string>

#include "datasets/batch_source.h"
#include "framework/train/summary.h"

namespace tessera {

enum class Metric : uint8_t {
  accuracy,
  loss,  ///< of tokens: accuracy says little of them
  f1,    ///< of answers to questions
  bleu,  ///< of translations, on test data alone: on others their loss
};

const char* name_of(Metric metric);
bool is_share(Metric metric);  ///< shown in percent
/// Whether the first of two values is that of the better model.
bool is_better(Metric metric, double a, double b);
/// "81.25%", "1.4210" nats, "35.20" BLEU; "-" for NaN.
std::string shown(Metric metric, double value);

/// Of data that models are chosen by while they train.
Metric metric_of(const BatchSource& source);
/// Of a run's test data.
Metric metric_of(const Summary& summary);
/// The test data's value of it: fractions, nats, or BLEU from 0 to 100.
double dense_score(const Summary& summary);
double sparse_score(const Summary& summary);

}  // namespace tessera
