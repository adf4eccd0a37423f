"""A multilayer perceptron that classifies the images of Fashion-MNIST. For softgrad, one import and one line change:

    +import softgrad.torch as st
    -criterion = nn.CrossEntropyLoss()
    +criterion = st.CrossEntropyLoss()

Here the option --loss chooses between the two lines.
"""

import argparse
import gzip
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

import softgrad.torch as st

LOSSES = {"torch": nn.CrossEntropyLoss, "softgrad": st.CrossEntropyLoss}
DATA = Path("/usr/share/datasets/fashion-mnist")  # where the package dataset-fashion-mnist of Debian puts it
HEADER_BYTES = {"images-idx3": 16, "labels-idx1": 8}


def read(folder, part, kind):
    path = folder / f"{part}-{kind}-ubyte.gz"
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as reason:
        sys.exit(f"cannot read {path}: {reason}; apt-get install dataset-fashion-mnist, or give its folder with --data")
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=HEADER_BYTES[kind]).copy())


def load(folder, part):
    labels = read(folder, part, "labels-idx1").long()
    images = read(folder, part, "images-idx3").view(len(labels), -1) / 255
    return images, labels


def train_one_epoch(model, criterion, optimizer, images, labels, batch_size):
    total = 0.0
    for rows in torch.randperm(len(labels)).split(batch_size):
        loss = criterion(model(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(labels)


@torch.no_grad()
def accuracy(model, images, labels):
    return (model(images).argmax(1) == labels).float().mean().item()


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Trains a multilayer perceptron on Fashion-MNIST.")
    parser.add_argument(
        "--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"), help="folder of the files"
    )
    parser.add_argument("--loss", choices=LOSSES, default="softgrad")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=128)
    args = parser.parse_args(arguments)

    torch.manual_seed(0)
    images, labels = load(args.data, "train")
    test_images, test_labels = load(args.data, "t10k")

    model = nn.Sequential(nn.Linear(images.shape[1], args.hidden), nn.ReLU(), nn.Linear(args.hidden, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = LOSSES[args.loss]()

    losses = []
    for epoch in range(1, args.epochs + 1):
        start = time.perf_counter()
        losses.append(train_one_epoch(model, criterion, optimizer, images, labels, args.batch_size))
        seconds = time.perf_counter() - start
        right = accuracy(model, test_images, test_labels)
        print(f"epoch {epoch}: loss {losses[-1]:.4f}, test accuracy {right:.2%}, {seconds:.1f} s")
    return losses


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped")
