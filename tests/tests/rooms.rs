//! The rooms of `slm-core` and the order in which they may import each other, read from the sources.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use slm_tests::imports::{Import, Imports, Source, read_sources};

/// The rooms from the bottom to the top, each with those that it imports.
const ROOMS: [(&str, &[&str]); 12] = [
    ("checkpoint", &[]),
    ("audio", &[]),
    ("text", &["checkpoint"]),
    ("features", &["checkpoint"]),
    ("nn", &["checkpoint"]),
    ("encoder", &["checkpoint", "nn"]),
    ("llm", &["checkpoint", "nn"]),
    ("adapter", &["checkpoint", "nn"]),
    ("ctc", &["checkpoint", "text", "nn", "encoder", "adapter"]),
    ("decode", &["checkpoint", "nn", "llm", "ctc"]),
    ("prompt", &["checkpoint", "text", "nn", "llm", "adapter", "ctc"]),
    (
        "engine",
        &[
            "checkpoint",
            "audio",
            "text",
            "features",
            "nn",
            "encoder",
            "llm",
            "adapter",
            "ctc",
            "decode",
            "prompt",
        ],
    ),
];

/// What lies beside the rooms: the crate's root, and the list of what the rooms show to other crates.
const NO_ROOMS: [&str; 2] = ["", "models"];

/// The head of the table of rooms in `docs/architecture.md`.
const TABLE: &str = "| Room | Holds | Imports |";

/// What is imported by each room.
type Imported = BTreeMap<String, BTreeSet<String>>;

/// The room of a module.
fn room(module: &[String]) -> &str {
    module.first().map_or("", String::as_str)
}

/// What is wrong with an import, if something is.
fn problem(import: &Import) -> Option<String> {
    let (from, to) = (room(&import.from), room(&import.to));
    let (_, allowed) = ROOMS.iter().find(|(room, _)| *room == from)?;
    let is_allowed = from == to || allowed.contains(&to);
    (!is_allowed).then(|| format!("`{from}` may not import `{to}`"))
}

/// The rings of a crate, a line each.
fn rings(imports: &Imports) -> Vec<String> {
    let folders = imports.folder_cycles().into_iter().map(|ring| format!("folders in a ring: {ring}"));
    let files = imports.file_cycles().into_iter().map(|ring| format!("files in a ring: {ring}"));
    folders.chain(files).collect()
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
    lines.extend(rings(imports));
    let strangers = imports.modules.keys().filter(|module| {
        let name = room(module);
        !NO_ROOMS.contains(&name) && ROOMS.iter().all(|(room, _)| *room != name)
    });
    lines.extend(strangers.map(|module| format!("{}: not a room", imports.file(module))));
    lines
}

/// What the rooms of a crate import of each other.
fn imported(imports: &Imports) -> Imported {
    let mut found: Imported = ROOMS.iter().map(|(room, _)| ((*room).to_owned(), BTreeSet::new())).collect();
    for import in &imports.all {
        let (from, to) = (room(&import.from), room(&import.to));
        if let Some(rooms) = found.get_mut(from).filter(|_| from != to) {
            rooms.insert(to.to_owned());
        }
    }
    found
}

/// The rooms that a cell of the table names.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(|name| name.trim_end_matches('/').to_owned()).collect()
}

/// What a text says that rooms import, in its table of rooms.
fn table(text: &str) -> Imported {
    let rows =
        text.lines().skip_while(|line| *line != TABLE).skip(2).take_while(|line| line.starts_with('|'));
    let mut found = Imported::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [rooms, _, imports] = cells.as_slice() else { panic!("{row}") };
        for room in quoted(rooms) {
            let others = ROOMS.iter().map(|(name, _)| (*name).to_owned()).filter(|name| *name != room);
            let imports: BTreeSet<String> = match *imports {
                "all" => others.collect(),
                "nothing" => BTreeSet::new(),
                some => quoted(some).into_iter().collect(),
            };
            found.insert(room, imports);
        }
    }
    found
}

/// Where two lists of imports differ, a line each.
fn differences(one: &Imported, other: &Imported) -> Vec<String> {
    let rooms: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differ = rooms.into_iter().filter(|&room| one.get(room) != other.get(room));
    differ.map(|room| format!("`{room}`: {:?} and {:?}", one.get(room), other.get(room))).collect()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn of_crate(name: &str) -> Imports {
    let imports = Imports::of(&read_sources(&root().join(name).join("src")).unwrap());
    // Far fewer would mean that they are not seen.
    assert!(imports.all.len() > 300, "only {} imports found in `{name}`", imports.all.len());
    imports
}

#[test]
fn no_room_imports_a_higher_one_and_nothing_goes_in_a_ring() {
    let imports = of_crate("slm-core");
    let mut problems = problems(&imports);
    for (index, (room, allowed)) in ROOMS.into_iter().enumerate() {
        if !imports.modules.contains_key([room.to_owned()].as_slice()) {
            problems.push(format!("`{room}` is gone"));
        }
        let is_lower = |name: &&str| ROOMS[..index].iter().any(|(lower, _)| lower == name);
        problems.extend(
            allowed.iter().filter(|&name| !is_lower(name)).map(|name| format!("`{name}` is no lower room")),
        );
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn rooms_import_what_they_may_and_what_the_table_says() {
    let found = imported(&of_crate("slm-core"));
    let names = |rooms: &[&str]| -> BTreeSet<String> { rooms.iter().map(|&room| room.to_owned()).collect() };
    let allowed: Imported =
        ROOMS.into_iter().map(|(room, allowed)| (room.to_owned(), names(allowed))).collect();
    let unused = differences(&found, &allowed);
    assert!(unused.is_empty(), "imported and allowed are\n{}", unused.join("\n"));
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let wrong = differences(&found, &table(&text));
    assert!(wrong.is_empty(), "imported and in `docs/architecture.md` are\n{}", wrong.join("\n"));
}

#[test]
fn nothing_goes_in_a_ring_in_the_programs() {
    for name in ["slm-cli", "slm-train"] {
        let rings = rings(&of_crate(name));
        assert!(rings.is_empty(), "{name}\n{}", rings.join("\n"));
    }
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
        ("features", "audio"),
        ("ctc", "llm"),
        ("ctc", "decode"),
        ("decode", "adapter"),
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
    one_problem(&[("attic/mod.rs", "")], &["attic/mod.rs: not a room"]);
}

#[test]
fn a_table_that_is_wrong_is_seen() {
    let text = |imports: &str| {
        let rows = format!("| `decode/`, `nn/` | what | {imports} |\n| `audio/` | it is | nothing |\n");
        format!("Before\n\n{TABLE}\n|---|---|---|\n{rows}\n| `llm/` | another table | all |\n")
    };
    let files =
        [("decode/mod.rs", "use crate::ctc::A;"), ("nn/mod.rs", "use crate::ctc::A;"), ("ctc/mod.rs", "")];
    let mut found = imported(&made_up(&files));
    found.retain(|room, _| ["decode", "nn", "audio"].contains(&room.as_str()));
    assert_eq!(differences(&found, &table(&text("`ctc`"))), [""; 0]);
    for imports in ["nothing", "`ctc`, `text`", "`text`", "all"] {
        assert_eq!(differences(&found, &table(&text(imports))).len(), 2, "{imports}");
    }
    assert_eq!(table(&text("all"))["nn"].len(), ROOMS.len() - 1);
    assert_eq!(differences(&found, &Imported::new()).len(), 3);
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
