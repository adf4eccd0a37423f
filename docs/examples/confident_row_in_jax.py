import jax
import jax.numpy as jnp
import optax


def loss(z):
    return optax.softmax_cross_entropy_with_integer_labels(z, 0)


value, grad = jax.value_and_grad(loss)(jnp.array([17.0, 0.0, 0.0]))
print("loss", value, "gradient", grad)
print("the loss and the first entry of the gradient are 0:", bool(value == 0 and grad[0] == 0))
