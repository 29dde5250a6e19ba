// Recording inside a backward pass, where nothing is recorded otherwise: for what computes a part
// of the forward pass again.
#pragma once

namespace tessera {

/// Ops on this thread are recorded while one of these lives, also inside a NoGrad.
class Recording {
 public:
  Recording();
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  bool previous_;
};

}  // namespace tessera
