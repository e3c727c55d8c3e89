//! The names that NeMo has for the tensors of a Parakeet encoder.

use super::nemo::Head;

/// Parts of a name in transformers, and what NeMo calls them; the first that is in a name counts.
const RENAMED: [(&str, &str); 10] = [
    ("subsampling.layers.", "pre_encode.conv."),
    ("subsampling.linear.", "pre_encode.out."),
    (".conv.norm.", ".conv.batch_norm."),
    (".self_attn.q_proj.", ".self_attn.linear_q."),
    (".self_attn.k_proj.", ".self_attn.linear_k."),
    (".self_attn.v_proj.", ".self_attn.linear_v."),
    (".self_attn.o_proj.", ".self_attn.linear_out."),
    (".self_attn.relative_k_proj.", ".self_attn.linear_pos."),
    (".self_attn.bias_u", ".self_attn.pos_bias_u"),
    (".self_attn.bias_v", ".self_attn.pos_bias_v"),
];

/// NeMo's name of the tensor that a `ParakeetForCTC` of transformers calls `name`.
pub(super) fn tensor_name(name: &str, head: Head) -> String {
    if let Some(rest) = name.strip_prefix("ctc_head.") {
        return format!("{}decoder_layers.0.{rest}", head.prefix().unwrap_or_default());
    }
    let renamed = RENAMED.iter().find(|(theirs, _)| name.contains(theirs));
    renamed.map_or_else(|| name.to_owned(), |(theirs, nemo)| name.replace(theirs, nemo))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_nemo() {
        for (name, expected) in [
            ("encoder.subsampling.layers.0.weight", "encoder.pre_encode.conv.0.weight"),
            ("encoder.subsampling.linear.bias", "encoder.pre_encode.out.bias"),
            ("encoder.layers.3.conv.norm.running_var", "encoder.layers.3.conv.batch_norm.running_var"),
            ("encoder.layers.3.self_attn.bias_u", "encoder.layers.3.self_attn.pos_bias_u"),
            ("encoder.layers.3.self_attn.o_proj.weight", "encoder.layers.3.self_attn.linear_out.weight"),
            ("encoder.layers.3.norm_out.weight", "encoder.layers.3.norm_out.weight"),
            ("ctc_head.weight", "decoder.decoder_layers.0.weight"),
        ] {
            assert_eq!(tensor_name(name, Head::Main), expected);
        }
        assert_eq!(tensor_name("ctc_head.bias", Head::Auxiliary), "ctc_decoder.decoder_layers.0.bias");
    }
}
