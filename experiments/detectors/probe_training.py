"""The loss of the probe and its training loop."""

from __future__ import annotations

import math
import time

import torch
from jaxtyping import Float, Int
from probe_batches import Batch, Recipe, Sampler
from probe_data import ProbeSet
from torch import Tensor, nn

from lt_bench.evaluation.metrics.synthetic.probe_network import ProbeNetwork
from lt_bench.evaluation.metrics.synthetic.probe_readings import EMBEDDING


class Trainee(nn.Module):
    """The probe with what only its training needs."""

    def __init__(self, attributes: int) -> None:
        super().__init__()
        self.probe = ProbeNetwork()
        self.to_attributes = nn.Linear(EMBEDDING, attributes)

    def loss(self, batch: Batch, recipe: Recipe) -> dict[str, Tensor]:
        """The parts of the loss, weighted."""
        output, weights = self.probe(batch.frames), torch.tensor(recipe.reading_weights)
        attributes = self.to_attributes(output.embedding * EMBEDDING**0.5)
        return {
            "readings": (weights * (output.readings - batch.readings) ** 2).mean(),
            "identity": recipe.identity_weight * contrast(output.embedding, batch.person, recipe.temperature),
            "attributes": recipe.attribute_weight * nn.functional.mse_loss(attributes, batch.attributes),
        }


def contrast(embedding: Float[Tensor, "N D"], person: Int[Tensor, " N"], temperature: float) -> Float[Tensor, ""]:
    """Supervised contrastive loss (Khosla et al. 2020, arXiv 2004.11362, equation 2)."""
    itself = torch.eye(len(person), dtype=torch.bool)
    same = (person[:, None] == person) & ~itself
    logits = (embedding @ embedding.T / temperature).masked_fill(itself, -torch.inf)
    log_probability = logits - logits.logsumexp(1, keepdim=True)
    return -(log_probability.masked_fill(~same, 0).sum(1) / same.sum(1)).mean()


def train(data: ProbeSet, recipe: Recipe) -> ProbeNetwork:
    """Train a probe and give its readings their physical units."""
    torch.manual_seed(recipe.seed)
    sampler = Sampler(data, recipe)
    trainee = Trainee(sampler.attributes.shape[1]).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(trainee.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, recipe.steps))
    started = time.process_time()
    running: dict[str, float] = {}
    for step in range(1, recipe.steps + 1):
        parts = trainee.loss(sampler.draw(), recipe)
        optimizer.zero_grad()
        torch.stack(list(parts.values())).sum().backward()
        nn.utils.clip_grad_norm_(trainee.parameters(), 2.0)
        optimizer.step()
        schedule.step()
        for name, value in parts.items():
            running[name] = 0.98 * running.get(name, value.item()) + 0.02 * value.item()
        if step % 100 == 0:
            losses = ", ".join(f"{name} {value:.3f}" for name, value in running.items())
            print(f"step {step} of {recipe.steps}: {losses}; {time.process_time() - started:.0f} CPU s", flush=True)
    probe = trainee.probe.eval()
    probe.readings_mean.copy_(torch.from_numpy(sampler.mean))
    probe.readings_std.copy_(torch.from_numpy(sampler.std))
    return probe


def _rate(step: int, steps: int) -> float:
    """Warm-up over the first twentieth, then half a cosine to zero."""
    return min(20 * (step + 1) / steps, 0.5 + 0.5 * math.cos(math.pi * step / steps))
