// The options of a loss, and the statistics that it computes for each row.
#pragma once

#include <cstdint>

namespace softgrad {

// The numbers among the options of a loss, as Python gives them. An option that the loss does not take has no effect.
struct LossNumbers {
    double scale;        // what the gradient is multiplied by, before it is rounded
    double denominator;  // what the sum of the losses is divided by; 0 if it is not asked for
    double label_smoothing, z_loss;
    double softcap;  // 0 for none
    double temperature;
    double parameter;  // the loss's own option: its header says which
};

template <class T> struct LossOptions : LossNumbers {
    const T* weight;    // (K), or null for ones
    bool complemented;  // whether each row of the target holds 1 - t after t: 2 K numbers
};

// (N) each; all null, or none.
template <class T> struct Stats {
    T* logsumexp;
    T* entropy;
    bool* correct;
};

// What the gradient of a token's log-probability and of the entropy needs of a row; 0 where the row is ignored.
struct TokenRow {
    double max, at;          // the largest logit and its first index
    double others;           // sum of exp(s_j - s_max) without the term 1 of the largest logit
    double mean_difference;  // <p, s - s_max>
};

}  // namespace softgrad
