"""What a method and its options come to: sites and compensation, by README and docstrings."""

METHODS = {
    "lora": [],
    "lora-dropout": [("lora", "element")],
    "dropkey": [("logits", "column")],
    "dropattention": [("weights", "column")],
    "hiddencut": [("hidden", "element")],
    "hiddenkey-": [("logits", "column"), ("hidden", "element")],
    "hiddenkey": [("logits", "column"), ("hidden", "element")],
}
OF_LORA = ("lora", "rank", "update")
OF_ATTENTION = ("logits", "weights")


def fits(setting, site):
    """Whether a setting that is given for all sites concerns this one."""
    position, structure = site["position"], site["structure"]
    return {
        "nograd": position == "weights",
        "point": position == "hidden",
        "perHead": position in OF_ATTENTION,
        "spanLength": structure == "span",
    }[setting]


def site_of(position, structure, decoder, options):
    rate = options.get("rate", 0.1)
    site = {
        "position": position,
        "structure": options.get("structure", structure),
        "rate": rate.get(position, 0.1) if isinstance(rate, dict) else rate,
        "layers": "latter-half" if decoder and position not in OF_LORA else "all",
    }
    own = next((s for s in options.get("site", []) if s["position"] == position), {})
    site["structure"] = own.get("structure", site["structure"])
    for setting in ("nograd", "point", "perHead", "spanLength"):
        if setting in options and fits(setting, site):
            site[setting] = options[setting]
    if "layers" in options:
        site["layers"] = options["layers"]
    return {**site, **own}


def plan_of(method, decoder, options):
    layout = list(METHODS[method])
    rate = options.get("rate")
    more = list(rate) if isinstance(rate, dict) else []
    more += [site["position"] for site in options.get("site", [])]
    for position in more:
        if position not in dict(layout):
            layout.append((position, "element"))
    return {
        "sites": {p: site_of(p, structure, decoder, options) for p, structure in layout},
        "kind": options.get("compensation", "kl" if method == "hiddenkey" else "none"),
        "weight": options.get("kl", 1),
        "branches": options.get("branches", 1),
    }


def layers_of(site, count):
    """Layers in which a site is active, out of `count`."""
    if site["layers"] == "all":
        return list(range(count))
    if site["layers"] == "latter-half":
        return list(range((count + 1) // 2, count))
    return [layer for layer in site["layers"] if layer < count]


def factor_of(site):
    """What survivors are multiplied by."""
    rescale = site.get("rescale", site["structure"] == "element")
    return 1 / (1 - site["rate"]) if rescale else 1
