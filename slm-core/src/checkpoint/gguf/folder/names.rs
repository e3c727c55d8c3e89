//! Names of tensors, part by part.

/// What a part of a model is called in the file, and by transformers.
pub(super) type Parts = [(&'static str, &'static str)];

/// The names of a stack of layers. The last part of a tensor's name, `weight` or `bias`, is the same on both sides.
pub(super) struct Names {
    /// The parts outside of the layers.
    pub(super) whole: &'static Parts,
    /// What stands before the number of a layer.
    pub(super) layer: (&'static str, &'static str),
    /// The parts of a layer.
    pub(super) parts: &'static Parts,
}

impl Names {
    /// The name that transformers has for the tensor `name` of the file.
    pub(super) fn translated(&self, name: &str) -> Option<String> {
        self.renamed(name, |pair| pair)
    }

    /// The name in a file for the tensor that transformers calls `name`.
    pub(super) fn stored(&self, name: &str) -> Option<String> {
        self.renamed(name, |(in_file, translated)| (translated, in_file))
    }

    /// `directed` puts the side of a pair first that `name` is of.
    fn renamed(
        &self,
        name: &str,
        directed: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str),
    ) -> Option<String> {
        let (stem, kind) = name.rsplit_once('.')?;
        let found = |table: &Parts, stem: &str| {
            table.iter().map(|&pair| directed(pair)).find(|(from, _)| *from == stem).map(|(_, to)| to)
        };
        if let Some(to) = found(self.whole, stem) {
            return Some(format!("{to}.{kind}"));
        }
        let (from, to) = directed(self.layer);
        let (number, stem) = stem.strip_prefix(from)?.split_once('.')?;
        number.parse::<u32>().ok()?;
        Some(format!("{to}{number}.{}.{kind}", found(self.parts, stem)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_part_by_part() {
        let names = Names {
            whole: &[("a", "x"), ("b.c", "y")],
            layer: ("blk.", "layers."),
            parts: &[("q", "attn.q"), ("r.s", "t")],
        };
        let of = |name| names.translated(name);
        for name in ["a.weight", "b.c.bias", "blk.12.q.bias", "blk.0.r.s.weight"] {
            let there = of(name).unwrap();
            assert_eq!(names.stored(&there).as_deref(), Some(name));
        }
        for name in ["", "z.weight", "layers.x.t.weight", "layers.0.z.weight"] {
            assert_eq!(names.stored(name), None, "{name}");
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
