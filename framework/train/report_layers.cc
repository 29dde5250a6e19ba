// The parts of a report about layers and set-up, which pages about runs and about sweeps share.
#include <algorithm>

#include "framework/core/errors.h"
#include "framework/io/chart.h"
#include "framework/io/heatmap.h"
#include "framework/io/html.h"
#include "framework/train/report.h"

namespace tessera {
namespace {

// Pixels of a mask's side: tiles of 16 in a layer of 512 are still told apart.
constexpr int kMaskPixels = 192;

std::string mask_picture(const LayerRecord& layer) {
  const std::string png =
      encode_png(draw_heatmap({{layer.name, layer.mask}}, {.panel_size = kMaskPixels}));
  const std::string what =
      concat(layer.name, " ", layer.mask.shape(), ": ", percent_text(layer.sparsity()), " pruned",
             layer.tiles > 0 ? concat(", ", layer.tiles, " tiles") : std::string());
  return concat("<figure><img width=\"216\" height=\"224\" alt=\"Mask of ", escape_html(what),
                "\" src=\"data:image/png;base64,", base64(png), "\"><figcaption>",
                escape_html(what), "</figcaption></figure>\n");
}

}  // namespace

std::string percent_text(double fraction, int decimals) {
  return format_number(100 * fraction, decimals) + "%";
}

std::string layers_report(const RunRecord& run) {
  if (run.layers.empty())
    return "<p class=\"quiet\">No layer is pruned: there is no sparse model.</p>\n";
  std::vector<Bar> bars;
  std::string masks, histograms;
  for (const LayerRecord& layer : run.layers) {
    bars.push_back({layer.name, layer.sparsity(), percent_text(layer.sparsity())});
    masks += mask_picture(layer);
    if (layer.all.empty()) continue;
    histograms += draw_histogram({.title = layer.name,
                                  .x_label = "|weight| / root mean square",
                                  .bin_width = kMagnitudeBin,
                                  .all = layer.all,
                                  .filled = layer.kept,
                                  .legend = "weights kept"});
  }
  std::string out = draw_bars("Sparsity per layer", "share of the weights that are zero", bars);
  out += concat("<h3>Masks</h3>\n<p class=\"quiet\">Outputs downwards, inputs to the right; kept ",
                "weights are coloured, pruned ones dark, and where a pixel covers many weights it ",
                "is as bright as the share kept. The bar underneath is the layer's share.</p>\n",
                "<div class=\"small\">\n", masks, "</div>\n");
  if (histograms.empty()) return out;
  return out + concat("<h3>Weights before pruning</h3>\n<p class=\"quiet\">Counts over |weight| / ",
                      "root mean square of the layer, which is the importance score by magnitude; ",
                      "in colour the weights that the mask keeps. The last bin holds all larger ",
                      "ones. Other scores (", escape_html(run.config.prune.score.type),
                      " in this run) are not stored by a run.</p>\n<div class=\"small\">\n",
                      histograms, "</div>\n");
}

std::string setup_report(const RunRecord& run) {
  HtmlTable machine{.caption = "Machine"};
  for (const auto& [key, value] : run.environment) machine.rows.push_back({key, value});
  return concat(machine.rows.empty() ? "" : html_table(machine), "<h3>Configuration</h3>\n<pre>",
                escape_html(run.config_text), "</pre>\n");
}

}  // namespace tessera
