"""A language model of characters: a GRU that predicts the next one. For softgrad, one import and one line change:

    +import softgrad.torch as st
    -loss = F.cross_entropy(head(hidden).view(-1, V), target.view(-1))
    +loss = st.cross_entropy(head(hidden), target)

For a vocabulary of thousands, this line does not store the logits:

    +loss = st.linear_cross_entropy(hidden, head.weight, target, head.bias)

Here the option --loss chooses between the three.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import softgrad.torch as st

LOSSES = {
    "torch": lambda hidden, head, target: F.cross_entropy(head(hidden).view(-1, head.out_features), target.view(-1)),
    "softgrad": lambda hidden, head, target: st.cross_entropy(head(hidden), target),
    "softgrad-linear": lambda hidden, head, target: st.linear_cross_entropy(hidden, head.weight, target, head.bias),
}


def read(path):
    if path is None:  # the reference of the Python language, which comes with Python
        from pydoc_data.topics import topics

        return "".join(topics.values())
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as reason:
        sys.exit(f"cannot read {path}: {reason}")


class Model(nn.Module):
    def __init__(self, vocabulary, size):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, size)
        self.gru = nn.GRU(size, size, batch_first=True)
        self.head = nn.Linear(size, vocabulary)

    def forward(self, tokens, state=None):
        return self.gru(self.embedding(tokens), state)  # the head is part of the loss


def windows(tokens, count, length):
    """Random stretches of the text, and the same one character later."""
    starts = torch.randint(len(tokens) - length, (count, 1))
    places = starts + torch.arange(length)
    return tokens[places], tokens[places + 1]


@torch.no_grad()
def sample(model, token, length):
    written, state = [], None
    for _ in range(length):
        hidden, state = model(token.view(1, 1), state)
        token = torch.multinomial(model.head(hidden).view(-1).softmax(-1), 1)
        written.append(token.item())
    return written


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Trains a language model of characters, and lets it write.")
    parser.add_argument("--text", type=Path, help="a text file; without it, the reference of the Python language")
    parser.add_argument("--loss", choices=LOSSES, default="softgrad")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100, help="in an epoch")
    parser.add_argument("--size", type=int, default=128, help="of the embedding and of the state")
    parser.add_argument("--length", type=int, default=64, help="of a stretch of text")
    args = parser.parse_args(arguments)

    text = read(args.text)
    if len(text) <= args.length:
        sys.exit(f"the text has {len(text)} characters; more than --length {args.length} are needed")
    characters = sorted(set(text))
    numbers = {character: number for number, character in enumerate(characters)}
    tokens = torch.tensor([numbers[character] for character in text])

    torch.manual_seed(0)
    model = Model(len(characters), args.size)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    compute_loss = LOSSES[args.loss]

    losses = []
    for epoch in range(1, args.epochs + 1):
        start, total = time.perf_counter(), 0.0
        for _ in range(args.steps):
            x, target = windows(tokens, 32, args.length)
            hidden, _ = model(x)
            loss = compute_loss(hidden, model.head, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        losses.append(total / args.steps)
        print(f"epoch {epoch}: loss {losses[-1]:.4f} per character, {time.perf_counter() - start:.1f} s")
    print("".join(characters[number] for number in sample(model, tokens[:1], 200)))
    return losses


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped")
