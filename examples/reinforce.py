"""REINFORCE with an entropy bonus: a policy learns to count on from a token. For softgrad, three lines become one:

    +import softgrad.torch as st
    -log_p = F.log_softmax(logits, dim=-1)
    -log_probs = log_p.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    -entropy = -(log_p.exp() * log_p).sum(-1)
    +log_probs, entropy = st.token_log_probs(logits, tokens)

Here the option --loss chooses between them.
"""

import argparse
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

import softgrad.torch as st


def plain(logits, tokens):
    log_p = F.log_softmax(logits, dim=-1)
    log_probs = log_p.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return log_probs, -(log_p.exp() * log_p).sum(-1)


LOSSES = {"torch": plain, "softgrad": st.token_log_probs}


class Policy(nn.Module):
    def __init__(self, vocabulary, size):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, size)
        self.gru = nn.GRU(size, size, batch_first=True)
        self.head = nn.Linear(size, vocabulary)

    def forward(self, tokens, state=None):
        hidden, state = self.gru(self.embedding(tokens), state)
        return self.head(hidden), state


@torch.no_grad()
def write(policy, prompts, length):
    """Tokens drawn from the policy, each after the ones before: (prompts, length)."""
    token, state, written = prompts.unsqueeze(1), None, []
    for _ in range(length):
        logits, state = policy(token, state)
        token = torch.multinomial(logits.squeeze(1).softmax(-1), 1)
        written.append(token)
    return torch.cat(written, 1)


def rewards(prompts, tokens, vocabulary):
    """One number per sequence: the part of its tokens that follow the one before, as 4 follows 3, and 0 the last."""
    before = torch.cat([prompts.unsqueeze(1), tokens[:, :-1]], 1)
    return (tokens == (before + 1) % vocabulary).to(torch.get_default_dtype()).mean(1)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Trains a policy by REINFORCE to count from a given token.")
    parser.add_argument("--loss", choices=LOSSES, default="softgrad")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60, help="in an epoch")
    parser.add_argument("--vocabulary", type=int, default=16)
    parser.add_argument("--size", type=int, default=64, help="of the embedding and of the state")
    parser.add_argument("--entropy-bonus", type=float, default=0.05)
    args = parser.parse_args(arguments)

    torch.manual_seed(0)
    policy = Policy(args.vocabulary, args.size)
    optimizer = torch.optim.Adam(policy.parameters(), lr=3e-3)
    token_log_probs = LOSSES[args.loss]

    losses = []
    for epoch in range(1, args.epochs + 1):
        start, total, total_reward = time.perf_counter(), 0.0, 0.0
        for _ in range(args.steps):
            prompts = torch.randint(args.vocabulary, (64,))
            tokens = write(policy, prompts, 8)
            reward = rewards(prompts, tokens, args.vocabulary)
            advantage = (reward - reward.mean()) / (reward.std() + 1e-6)

            logits, _ = policy(torch.cat([prompts.unsqueeze(1), tokens[:, :-1]], 1))
            log_probs, entropy = token_log_probs(logits, tokens)
            loss = -(advantage.unsqueeze(1) * log_probs).mean() - args.entropy_bonus * entropy.mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
            total_reward += reward.mean().item()
        losses.append(total / args.steps)
        mean_reward, seconds = total_reward / args.steps, time.perf_counter() - start
        print(f"epoch {epoch}: reward {mean_reward:.3f} of 1, entropy {entropy.mean().item():.3f}, {seconds:.1f} s")
    return losses


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped")
