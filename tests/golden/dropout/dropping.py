"""What is dropped from one example in one pass, and the attention weights that are left."""

import math

import torch

from draws import attention_drops, fold, hidden_drops, survivors
from plan import factor_of, layers_of


class Dropping:
    """What is dropped from one example in one pass; nothing where the plan is none."""

    def __init__(self, plan, key, number, which, model):
        self.sites = plan["sites"] if plan else {}
        self.key, self.number, self.which, self.model = key, number, which, model
        self.masks, self.received = {}, None

    def site(self, position, layer):
        site = self.sites.get(position)
        if site is None or (site["rate"] == 0 and "spanLength" not in site):
            return None
        if layer is None or layer in layers_of(site, self.model.layers):
            return site
        return None

    def counter(self, site):
        return 2 * self.number + self.which if site.get("perExample", True) else self.which

    def drops(self, site, path, tokens, width):
        key = fold(self.key, f"{path}/{site['position']}")
        return hidden_drops(site, key, self.counter(site), (tokens, width), self.received)

    def hidden(self, x, position, path, layer=None):
        site = self.site(position, layer)
        if site is None:
            return x
        tokens, width = x.shape if x.dim() == 2 else (1, x.shape[0])
        kept = torch.tensor(self.drops(site, path, tokens, width)).logical_not()
        if site.get("start") != "attention":
            self.masks[position] = (path, layer, width, kept.flatten().tolist())
        return x * kept.reshape(x.shape) * factor_of(site)

    def head_drops(self, position, layer, tokens, head):
        site = self.site(position, layer)
        if site is None:
            return None, [[False] * tokens] * tokens
        key = fold(self.key, f"layer.{layer}/{position}")
        counter, maximum = self.counter(site), self.model.maximum
        return site, attention_drops(site, key, counter, tokens, head, maximum)

    def shown(self, tokens):
        """Tokens that input cutoff leaves to be attended to."""
        site = self.site("input", None)
        whole = site is not None and site["structure"] in ("column", "span")
        if not whole or not site.get("hide", True):
            return [True] * tokens
        return [not features[0] for features in self.drops(site, "embeddings", tokens, 1)]


def softmax(g, kept):
    """Eq. 3 to 5: logits of what is dropped are -infinity."""
    if not any(kept):
        return torch.zeros_like(g)
    return torch.softmax(torch.where(torch.tensor(kept), g, -math.inf), 0)


def weigh(g, visible, keys_dropped, weight_site, weights_dropped):
    """Weights of one query: DropKey, then DropAttention by Eq. 1 and 2."""
    seen = survivors(visible, keys_dropped)
    w = softmax(g, seen)
    if weight_site is None:
        return w
    if weight_site.get("rescale") is not None:
        kept = torch.tensor(weights_dropped).logical_not()
        return w * kept * (factor_of(weight_site) if weight_site["rescale"] else 1)
    w_bar = w * torch.tensor(survivors(seen, weights_dropped))
    total = w_bar.sum()
    if not any(seen):
        return w_bar
    return w_bar / (total.detach() if weight_site.get("nograd", True) else total)
