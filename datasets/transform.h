// Transforms of images as bytes [H][W][C], for augmentation. Random ones draw from a sequence keyed
// by (seed, epoch, sample), so every run and every number of workers sees the same images.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "datasets/dataset.h"
#include "framework/core/random.h"
#include "framework/io/config.h"

namespace tessera {

class Transform {
 public:
  virtual ~Transform() = default;
  /// The shape that `input` becomes. Throws: std::invalid_argument where it does not fit.
  virtual ImageShape output_shape(ImageShape input) const = 0;
  /// Writes output_shape(shape).numel() bytes to `out`, which does not overlap `in`.
  virtual void apply(const uint8_t* in, ImageShape shape, RandomSequence& random,
                     uint8_t* out) const = 0;
};

/// Applied first to last.
using TransformList = std::vector<std::shared_ptr<const Transform>>;

/// The table of transforms (sizes in pixels):
///   crop {pad: 0, size: 0}   a random window of `size` (0: the input's extents) after `pad` zeros
///   on
///                            each side
///   flip {p: 0.5}            left to right with probability p
///   resize {size}            bilinear with area averaging when shrinking, to size x size
///   center_crop {size}       the middle size x size
///   random_erasing {p: 0.5, min_area: 0.02, max_area: 0.33, min_aspect: 0.3}
///                            a rectangle of that share of the image, aspect ratio log-uniform in
///                            [min_aspect, 1 / min_aspect], becomes the mean colour (Zhong et al.,
///                            "Random erasing data augmentation", AAAI 2020)
/// `mean` is the colour of the data set in [0, 1] per channel; empty: black.
/// Throws: std::invalid_argument naming an unknown transform or argument, or a value out of its
/// range.
TransformList make_transforms(const std::vector<ComponentSpec>& specs,
                              const std::vector<double>& mean);

/// Throws: std::invalid_argument where the list does not give `shape` back.
void check_keeps_shape(const TransformList& transforms, ImageShape shape);

}  // namespace tessera
