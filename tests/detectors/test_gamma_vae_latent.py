from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Gamma
from torch.distributions import kl_divergence as reference_divergence

from asdbench.detectors._gamma_vae_latent import (
    PRIOR_SCALE,
    PRIOR_SHAPE,
    GammaPosterior,
    kl_divergence,
    printed_divergence,
    softmax_posterior,
    softplus_posterior,
)

PRIOR = Gamma(torch.tensor(PRIOR_SHAPE).double(), torch.tensor(1 / PRIOR_SCALE).double())


def some_posterior(count: int = 400) -> GammaPosterior:
    generator = torch.Generator().manual_seed(0)
    shape, scale = torch.rand(2, count, 8, generator=generator, dtype=torch.float64) * 5 + 0.01
    return GammaPosterior(shape, scale)


def test_divergence_is_that_of_torch() -> None:
    posterior = some_posterior()
    expected = reference_divergence(Gamma(posterior.shape, 1 / posterior.scale), PRIOR)
    torch.testing.assert_close(kl_divergence(posterior), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("shape", "scale"), [(0.3, 2.0), (4.0, 0.25)])
def test_divergence_is_the_mean_log_ratio_of_samples(shape: float, scale: float) -> None:
    posterior = GammaPosterior(*torch.tensor([shape, scale]).double().expand(200_000, 2).T)
    z = posterior.sample(torch.Generator().manual_seed(0))
    ratio = Gamma(posterior.shape, 1 / posterior.scale).log_prob(z) - PRIOR.log_prob(z)
    error = ratio.std().item() / math.sqrt(len(ratio))
    assert kl_divergence(posterior)[0].item() == pytest.approx(ratio.mean().item(), abs=5 * error)


def test_divergence_is_zero_at_the_prior_and_the_printed_one_is_not() -> None:
    prior = GammaPosterior(torch.tensor([PRIOR_SHAPE]), torch.tensor([PRIOR_SCALE]))
    assert kl_divergence(prior).item() == pytest.approx(0.0, abs=1e-6)
    # 2 * 1 / 2 + log 2 - log 2 - 1 + 0 is zero by chance; elsewhere it is no divergence.
    same_mean = GammaPosterior(torch.tensor([0.1]), torch.tensor([20.0]))
    assert printed_divergence(same_mean).item() == pytest.approx(0.0, abs=1e-6)
    assert kl_divergence(same_mean).item() > 1


def test_printed_divergence_is_equation_2() -> None:
    a, b, c, d = PRIOR_SHAPE, PRIOR_SCALE, 0.4, 0.7
    psi = torch.digamma(torch.tensor(d)).item()
    expected = c * d / a + b * math.log(a) - math.log(c * d) - b + (b - 1) * (psi + math.log(c))
    posterior = GammaPosterior(torch.tensor([c]), torch.tensor([d]))
    assert printed_divergence(posterior).item() == pytest.approx(expected, rel=1e-6)


def test_samples_have_the_moments_and_the_gradient_of_a_gamma_distribution() -> None:
    shape, scale = torch.tensor([0.5, 3.0]), torch.tensor([2.0, 0.5])
    leaves = [leaf.repeat(100_000, 1).requires_grad_() for leaf in (shape, scale)]
    z = GammaPosterior(*leaves).sample(torch.Generator().manual_seed(0))
    torch.testing.assert_close(z.mean(0), shape * scale, rtol=0.02, atol=0)
    torch.testing.assert_close(z.var(0), shape * scale**2, rtol=0.05, atol=0)
    # d E[z^2] / d shape = (2 shape + 1) scale^2; d E[z^2] / d scale = 2 shape (shape + 1) scale.
    by_shape, by_scale = torch.autograd.grad(z.square().sum(0).sum(), leaves)
    expected = (2 * shape + 1) * scale**2, 2 * shape * (shape + 1) * scale
    torch.testing.assert_close(by_shape.mean(0), expected[0], rtol=0.05, atol=0)
    torch.testing.assert_close(by_scale.mean(0), expected[1], rtol=0.05, atol=0)


def test_samples_come_from_the_generator_alone() -> None:
    posterior, state = some_posterior(), torch.get_rng_state()
    one, same, other = (posterior.sample(torch.Generator().manual_seed(i)) for i in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_heads_stay_positive_whatever_the_network_says() -> None:
    heads = torch.tensor([[-1e4, 1e4] * 4, [0.0] * 8, [1e4] * 8])
    for make in (softplus_posterior, softmax_posterior):
        leaves = [heads.clone().requires_grad_(), heads.flip(1).clone().requires_grad_()]
        posterior = make(*leaves)
        assert (posterior.shape > 0).all()
        assert (posterior.scale > 0).all()
        divergence = printed_divergence if make is softmax_posterior else kl_divergence
        loss = divergence(posterior).sum()
        loss = loss + posterior.sample(torch.Generator().manual_seed(0)).sum()
        assert torch.isfinite(loss)
        assert all(torch.isfinite(grad).all() for grad in torch.autograd.grad(loss, leaves))


def test_softmax_heads_sum_to_one() -> None:
    heads = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    posterior = softmax_posterior(*heads)
    torch.testing.assert_close(posterior.shape.sum(1), torch.ones(5))
    torch.testing.assert_close(posterior.scale.sum(1), torch.ones(5))
    torch.testing.assert_close(posterior.mean(), heads.softmax(2).prod(0))
