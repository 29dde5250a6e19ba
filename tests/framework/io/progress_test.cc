#include "framework/io/progress.h"

#include <algorithm>
#include <limits>

#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

const ProgressOptions kImages{.unit = "images", .units_per_step = 10};

/// What `use` draws.
template <class F>
std::string drawn(ProgressOptions options, F&& use) {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  options.stream = file;
  {
    Progress progress("train 1/2", 4, options);
    use(progress);
  }
  std::string text(static_cast<size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  REQUIRE(std::fread(text.data(), 1, text.size(), file) == text.size());
  std::fclose(file);
  return text;
}

}  // namespace

TEST_CASE("durations") {
  CHECK(format_duration(0.4) == "0:00");
  CHECK(format_duration(59.6) == "1:00");
  CHECK(format_duration(754) == "12:34");
  CHECK(format_duration(3723) == "1:02:03");
  CHECK(format_duration(-1) == "--:--");
  CHECK(format_duration(std::numeric_limits<double>::infinity()) == "--:--");
  CHECK(format_duration(std::numeric_limits<double>::quiet_NaN()) == "--:--");
}

TEST_CASE("rate and time left are those of this process") {
  // Resumed at 50 of 100: 10 steps of 10 images in 5 s, 40 steps left at 2 a second.
  CHECK(format_progress("train", 50, 60, 100, 5, kImages, "loss 0.5", 0) ==
        "train   60%  60/100  20.0 images/s  0:20 left  loss 0.5");
  CHECK(format_progress("train", 0, 100, 100, 50, kImages, "", 0) ==
        "train  100%  100/100  20.0 images/s  in 0:50");
  CHECK(format_progress("train", 0, 0, 100, 1, kImages, "", 0) == "train    0%  0/100  --:-- left");
  CHECK(format_progress("train", 0, 0, 0, 1, kImages, "", 0) == "train  100%  0/0  --:-- left");
}

TEST_CASE("a bar fits the terminal") {
  CHECK(format_progress("train", 0, 5, 10, 5, kImages, "", 70) ==
        "train  [===========>          ]   50%  5/10  10.0 images/s  0:05 left");
  for (int width = 1; width <= 140; ++width) {
    const auto line = format_progress("train", 0, 5, 10, 5, kImages, "loss 0.5  lr 0.1", width);
    CHECK(line.size() < static_cast<size_t>(std::max(width, 2)));
  }
}

TEST_CASE("elsewhere than on a terminal: a line now and then, and a last one") {
  const auto use = [](Progress& progress) {
    for (int i = 1; i <= 4; ++i) progress.update(i);
    progress.finish("done");
    progress.finish("twice");
    progress.update(4);
  };
  ProgressOptions options{.style = ProgressStyle::lines};
  const auto rare = drawn(options, use);
  CHECK(std::count(rare.begin(), rare.end(), '\n') == 1);
  CHECK(contains(rare, "train 1/2  100%  4/4"));
  CHECK(contains(rare, "done\n"));
  CHECK(!contains(rare, "\r"));
  options.seconds_per_line = 0;
  const auto often = drawn(options, use);
  CHECK(std::count(often.begin(), often.end(), '\n') == 5);
  options.style = ProgressStyle::quiet;
  CHECK(drawn(options, use).empty());
}

TEST_CASE("a bar that is left early ends its line") {
  const auto text = drawn({.style = ProgressStyle::bar, .seconds_per_redraw = 0, .width = 100},
                          [](Progress& progress) { progress.update(1); });
  CHECK(text.starts_with("\rtrain 1/2  ["));
  CHECK(text.ends_with("\x1b[K\n"));
}

TEST_CASE("a bar makes room for another line") {
  const auto text = drawn({.style = ProgressStyle::bar, .seconds_per_redraw = 0, .width = 100},
                          [](Progress& progress) {
                            progress.update(1);
                            progress.clear();
                            progress.clear();
                          });
  CHECK(text.ends_with("\x1b[K\r\x1b[K"));
  const auto nothing = drawn({.style = ProgressStyle::lines, .seconds_per_line = 100},
                             [](Progress& progress) { progress.clear(); });
  CHECK(nothing.empty());
}

TEST_CASE("a file is no terminal") {
  std::FILE* file = std::tmpfile();
  CHECK(progress_style_for(file) == ProgressStyle::lines);
  std::fclose(file);
}
