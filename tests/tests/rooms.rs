//! The rooms of `slm-core` and the order in which they may import each other, read from the sources.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

use slm_tests::imports::{Import, Imports, Source, read_sources};

/// What a room may import.
enum May {
    /// These rooms.
    Only(&'static [&'static str]),
    /// Every room that stands before it.
    Lower,
}

/// The rooms from the bottom to the top.
const ROOMS: [(&str, May); 12] = [
    ("checkpoint", May::Only(&[])),
    ("audio", May::Only(&[])),
    ("text", May::Only(&["checkpoint"])),
    ("features", May::Only(&["checkpoint", "audio"])),
    ("nn", May::Only(&["checkpoint"])),
    ("encoder", May::Only(&["nn", "checkpoint"])),
    ("llm", May::Only(&["nn", "checkpoint"])),
    ("adapter", May::Only(&["nn", "checkpoint"])),
    ("ctc", May::Lower),
    ("decode", May::Lower),
    ("prompt", May::Lower),
    ("engine", May::Lower),
];

/// All that `features` may take from `audio`.
const OF_AUDIO: &str = "crate::audio::SAMPLE_RATE";

/// What lies beside the rooms: the crate's root, and the list of what the rooms show to other crates.
const NO_ROOMS: [&str; 2] = ["", "models"];

/// The room of a module.
fn room(module: &[String]) -> &str {
    module.first().map_or("", String::as_str)
}

/// What is wrong with an import, if something is.
fn problem(import: &Import) -> Option<String> {
    let (from, to) = (room(&import.from), room(&import.to));
    let place = |name: &str| ROOMS.iter().position(|(room, _)| *room == name);
    let index = place(from)?;
    if from == to {
        return None;
    }
    let allowed = match &ROOMS[index].1 {
        May::Only(rooms) => rooms.contains(&to),
        May::Lower => place(to).is_some_and(|place| place < index),
    };
    if !allowed {
        return Some(format!("`{from}` may not import `{to}`"));
    }
    let is_part = from == "features" && to == "audio" && import.written != OF_AUDIO;
    is_part.then(|| format!("`features` may take `{OF_AUDIO}` only"))
}

/// Everything that is wrong with the imports of a crate with rooms, a line each.
fn problems(imports: &Imports) -> Vec<String> {
    let mut lines: Vec<String> = imports
        .all
        .iter()
        .filter_map(|import| {
            Some(format!("{}: {} (`{}`)", imports.file(&import.from), problem(import)?, import.written))
        })
        .collect();
    lines.extend(imports.folder_cycles().into_iter().map(|ring| format!("folders in a ring: {ring}")));
    lines.extend(imports.file_cycles().into_iter().map(|ring| format!("files in a ring: {ring}")));
    let strangers = imports.modules.keys().filter(|module| {
        let name = room(module);
        !NO_ROOMS.contains(&name) && ROOMS.iter().all(|(room, _)| *room != name)
    });
    lines.extend(strangers.map(|module| format!("{}: not a room", imports.file(module))));
    lines
}

fn of_crate(name: &str) -> Imports {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
    Imports::of(&read_sources(&src).unwrap())
}

#[test]
fn no_room_imports_a_higher_one_and_nothing_goes_in_a_ring() {
    let imports = of_crate("slm-core");
    // Far fewer would mean that they are not seen.
    assert!(imports.all.len() > 300, "only {} imports found", imports.all.len());
    let mut problems = problems(&imports);
    for (room, _) in ROOMS {
        if !imports.modules.contains_key([room.to_owned()].as_slice()) {
            problems.push(format!("`{room}` is gone"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn training_data_does_not_import_training_steps() {
    let imports = of_crate("slm-train");
    let (from_data, to_steps) =
        (|import: &&Import| room(&import.from) == "data", |import: &&Import| room(&import.to) == "steps");
    assert!(imports.all.iter().any(|import| from_data(&import)));
    assert!(imports.all.iter().any(|import| to_steps(&import)));
    let wrong: Vec<&Import> = imports.all.iter().filter(from_data).filter(to_steps).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

// The checks see what they are for: made-up crates.

fn made_up(files: &[(&str, &str)]) -> Imports {
    let source = |(path, text): &(&str, &str)| Source { path: (*path).into(), text: (*text).into() };
    Imports::of(&files.iter().map(source).collect::<Vec<_>>())
}

/// Checks that a made-up crate has one problem, which holds these texts.
fn one_problem(files: &[(&str, &str)], expected: &[&str]) {
    let found = problems(&made_up(files));
    assert!(found.len() == 1 && expected.iter().all(|text| found[0].contains(text)), "{files:?}: {found:#?}");
}

/// Checks that a made-up crate has none.
fn no_problem(files: &[(&str, &str)]) {
    let found = problems(&made_up(files));
    assert!(found.is_empty(), "{files:?}: {found:#?}");
}

#[test]
fn every_form_of_a_forbidden_import_is_seen() {
    for text in [
        "use crate::engine::Model;",
        "pub(crate) use crate::engine::{Model as Other};",
        "use crate::{nn::Watch, engine::{self}};",
        "use super::super::engine::*;",
        "fn f() { let model = crate::engine::Model::open(); }",
        "impl From<crate::engine::Error> for Error {}",
        "#[cfg(test)] mod tests { use super::*; mod deeper { use crate::engine::Model; } }",
        "fn f() -> char { '\"' } use crate::engine::Model; fn g() -> char { '\"' }",
        "fn f<'a>(x: &'a str) -> &'a str { x } /* /* */ */ use crate::engine::Model;",
        "use crate::Model;",
    ] {
        let files = [
            ("lib.rs", "mod nn; mod encoder; mod engine; pub use engine::Model;"),
            ("nn/mod.rs", "pub struct Watch;"),
            ("encoder/mod.rs", "mod lasr;"),
            ("encoder/lasr.rs", text),
            ("engine/mod.rs", "pub struct Model;"),
        ];
        one_problem(&files, &["encoder/lasr.rs: `encoder` may not import `engine`"]);
    }
    for text in [
        "// use crate::engine::Model;",
        "/* use crate::engine::Model; /* */ crate::engine::Model */",
        "const TEXT: &str = \"use crate::engine::Model;\";",
        "const TEXT: &str = r#\"\" crate::engine::Model \"#;",
        "//! See [`Model`](crate::engine::Model).",
        "use burn::engine::Model; use engine::Model;",
        "pub(in crate::encoder) fn f() {}",
    ] {
        no_problem(&[("encoder/lasr.rs", text), ("engine/mod.rs", "pub struct Model;")]);
    }
}

#[test]
fn models_stay_apart_and_lower_rooms_low() {
    for (from, to) in [
        ("adapter", "llm"),
        ("llm", "encoder"),
        ("encoder", "adapter"),
        ("llm", "text"),
        ("nn", "encoder"),
        ("checkpoint", "nn"),
        ("text", "audio"),
        ("ctc", "decode"),
        ("decode", "prompt"),
        ("nn", "models"),
    ] {
        let (text, file) = (format!("use crate::{to}::Thing;"), format!("{from}/deep/file.rs"));
        let target = format!("{to}/mod.rs");
        one_problem(&[(&file, &text), (&target, "")], &[&format!("`{from}` may not import `{to}`")]);
    }
    for (from, to) in [("decode", "ctc"), ("engine", "audio"), ("adapter", "nn"), ("models", "engine")] {
        let (text, file) = (format!("use crate::{to}::Thing;"), format!("{from}/mod.rs"));
        let target = format!("{to}/mod.rs");
        no_problem(&[(&file, &text), (&target, "")]);
    }
    let features = |text| [("features/mod.rs", text), ("audio/mod.rs", "pub const SAMPLE_RATE: u32 = 1;")];
    no_problem(&features("use crate::audio::SAMPLE_RATE;"));
    one_problem(&features("use crate::audio::read;"), &["may take `crate::audio::SAMPLE_RATE` only"]);
    one_problem(&[("attic/mod.rs", "")], &["attic/mod.rs: not a room"]);
}

#[test]
fn rings_of_folders_and_of_files_are_seen() {
    // Two folders of one room, through files that are no ring themselves.
    one_problem(
        &[
            ("nn/mod.rs", "mod a; mod b;"),
            ("nn/a/mod.rs", "mod one; mod two;"),
            ("nn/a/one.rs", "use super::super::b::three::X;"),
            ("nn/a/two.rs", ""),
            ("nn/b/mod.rs", ""),
            ("nn/b/three.rs", ""),
            ("nn/b/four.rs", "use crate::nn::a::two::Y;"),
        ],
        &["folders in a ring", "nn/a/one.rs imports nn/b/three.rs", "nn/b/four.rs imports nn/a/two.rs"],
    );
    // Two files, and three.
    one_problem(
        &[("nn/mod.rs", ""), ("nn/a.rs", "use super::b::X;"), ("nn/b.rs", "fn f() { super::a::g(); }")],
        &["files in a ring", "nn/a.rs imports nn/b.rs", "nn/b.rs imports nn/a.rs"],
    );
    one_problem(
        &[
            ("nn/mod.rs", ""),
            ("nn/a.rs", "use super::b::X;"),
            ("nn/b.rs", "use super::c::Y;"),
            ("nn/c.rs", "use super::a::Z;"),
        ],
        &["files in a ring", "nn/c.rs imports nn/a.rs (`super::a::Z`)"],
    );
    // Names that the module above passes on.
    one_problem(
        &[
            ("nn/mod.rs", "mod a; mod b; pub use a::A; pub use self::b::*;"),
            ("nn/a.rs", "use crate::nn::b::B;"),
            ("nn/b.rs", "use super::A;"),
        ],
        &["files in a ring", "nn/b.rs imports nn/a.rs (`super::A`)"],
    );
    // A file whose place in the crate is another.
    no_problem(&[
        ("nn/mod.rs", "mod a; mod b;"),
        ("nn/a.rs", "#[cfg(test)] #[path = \"a_tests.rs\"] mod tests;"),
        ("nn/a_tests.rs", "use super::*; use super::super::b::X;"),
        ("nn/b.rs", "pub struct X;"),
    ]);
    // Parent and child, at any depth, and a file with itself.
    no_problem(&[
        ("nn/mod.rs", "mod a; use a::deep::X; pub struct Y;"),
        ("nn/a/mod.rs", "mod deep; use super::Y; pub struct Z;"),
        (
            "nn/a/deep.rs",
            "use super::Z; use crate::nn::Y; pub struct X; mod tests { use super::X; use crate::nn::a::deep; }",
        ),
    ]);
}
