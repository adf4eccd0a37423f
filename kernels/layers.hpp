// What the bindings pass to the kernels of layers and of optimizers.
#pragma once

#include <cstdint>

namespace softgrad {

enum class Activation { identity, relu, sigmoid, tanh };

// The numbers of one step of an optimizer (softgrad/nn/optimizers.py).
struct StepNumbers {
    double learning_rate;
    double l2;     // l2 times the parameter is added to its gradient
    double decay;  // the parameter is multiplied by 1 - decay before the step
};

struct SgdNumbers : StepNumbers {
    double momentum;
    bool nesterov;
};

struct AdamNumbers : StepNumbers {
    double beta1, beta2;
    double m_correction, v_correction;  // 1 - beta^t
    double epsilon;
};

}  // namespace softgrad
