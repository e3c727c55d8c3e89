//! Names of tensors, part by part.

/// What a layer's part is called here and there.
pub(super) type Parts = [(&'static str, &'static str)];

/// The name that transformers has for the tensor `name`: one of `whole`, or a part of a layer, whose number stands after
/// `layer` and goes to the end of `there`; the last part of a name, `weight` or `bias`, stays.
pub(super) fn translated(
    name: &str,
    whole: &Parts,
    (layer, there): (&str, &str),
    parts: &Parts,
) -> Option<String> {
    let (stem, kind) = name.rsplit_once('.')?;
    let found =
        |table: &Parts, stem: &str| table.iter().find(|(here, _)| *here == stem).map(|(_, there)| *there);
    if let Some(there) = found(whole, stem) {
        return Some(format!("{there}.{kind}"));
    }
    let (number, stem) = stem.strip_prefix(layer)?.split_once('.')?;
    number.parse::<u32>().ok()?;
    Some(format!("{there}{number}.{}.{kind}", found(parts, stem)?))
}

/// The same the other way round: the name in a file for what transformers calls `name`.
pub(super) fn stored(
    name: &str,
    whole: &Parts,
    (layer, there): (&str, &str),
    parts: &Parts,
) -> Option<String> {
    let (stem, kind) = name.rsplit_once('.')?;
    let found =
        |table: &Parts, stem: &str| table.iter().find(|(_, there)| *there == stem).map(|(here, _)| *here);
    if let Some(here) = found(whole, stem) {
        return Some(format!("{here}.{kind}"));
    }
    let (number, stem) = stem.strip_prefix(there)?.split_once('.')?;
    number.parse::<u32>().ok()?;
    Some(format!("{layer}{number}.{}.{kind}", found(parts, stem)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_part_by_part() {
        let of = |name| {
            translated(
                name,
                &[("a", "x"), ("b.c", "y")],
                ("blk.", "layers."),
                &[("q", "attn.q"), ("r.s", "t")],
            )
        };
        let stored_as = |name: &str| {
            stored(name, &[("a", "x"), ("b.c", "y")], ("blk.", "layers."), &[("q", "attn.q"), ("r.s", "t")])
        };
        for name in ["a.weight", "b.c.bias", "blk.12.q.bias", "blk.0.r.s.weight"] {
            let there = of(name).unwrap();
            assert_eq!(stored_as(&there).as_deref(), Some(name));
        }
        for name in ["", "z.weight", "layers.x.t.weight", "layers.0.z.weight"] {
            assert_eq!(stored_as(name), None, "{name}");
        }
        assert_eq!(of("a.weight").as_deref(), Some("x.weight"));
        assert_eq!(of("b.c.bias").as_deref(), Some("y.bias"));
        assert_eq!(of("blk.12.q.bias").as_deref(), Some("layers.12.attn.q.bias"));
        assert_eq!(of("blk.0.r.s.weight").as_deref(), Some("layers.0.t.weight"));
        for name in
            ["", "a", "blk.0.z.weight", "blk.x.q.weight", "blk.q.weight", "c.weight", "xblk.0.q.weight"]
        {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
