// What a loss is asked for besides logits and target, and what it can tell of each row besides its value.
#pragma once

#include <cstdint>

namespace softgrad {

template <class T> struct LossOptions {
    const T* weight;  // (K), or null for ones
    double scale;     // what the gradient is multiplied by, before it is rounded
    double label_smoothing, z_loss;
    double softcap;  // 0 for none
    double temperature;
};

// (N) each; all null, or none.
template <class T> struct Stats {
    T* logsumexp;
    T* entropy;
    bool* correct;
};

}  // namespace softgrad
