//! Which module of a crate imports which, read from its sources: comments and strings are left out, `use` trees and paths
//! that begin with `crate`, `super` or `self` are followed, and names that a module passes on are followed to where they
//! come from. Macros are not expanded, which the sources of this workspace do not need.

mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use names::{Name, names_in};

/// A module by its names from the crate's root, which has none.
pub type Module = Vec<String>;

/// A source file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path in `src`, with `/`.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// That a module names something of another module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The module that names it.
    pub from: Module,
    /// The module that has it.
    pub to: Module,
    /// The path as written.
    pub written: String,
}

/// All modules that are files, and what they import of each other.
#[derive(Debug, Default)]
pub struct Imports {
    /// The modules, and whether each is the `mod.rs` of a folder.
    pub modules: BTreeMap<Module, bool>,
    /// The imports.
    pub all: BTreeSet<Import>,
}

/// Reads all Rust files of a folder and the folders in it.
///
/// # Errors
///
/// A file that cannot be read.
pub fn read_sources(src: &Path) -> io::Result<Vec<Source>> {
    let (mut sources, mut folders) = (Vec::new(), vec![src.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let names = path.strip_prefix(src).unwrap_or(&path).iter();
                let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
                sources.push(Source { path: names.join("/"), text: std::fs::read_to_string(&path)? });
            }
        }
    }
    Ok(sources)
}

/// The modules whose place in the crate is not that of their file: `#[path = ".."] mod name;`, by file.
fn placed(sources: &[Source]) -> BTreeMap<String, Module> {
    let mut placed = BTreeMap::new();
    for source in sources {
        for attribute in source.text.split("#[path = \"").skip(1) {
            let (Some((file, rest)), folder) = (attribute.split_once('"'), source.path.rsplit_once('/'))
            else {
                continue;
            };
            let Some((_, name)) = rest.split_once("mod ") else { continue };
            let name = name.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
            let file = folder.map_or(file.to_owned(), |(folder, _)| format!("{folder}/{file}"));
            let mut module = module_of(&source.path);
            module.push(name.to_owned());
            placed.insert(file, module);
        }
    }
    placed
}

/// The module that a file is by its path.
fn module_of(path: &str) -> Module {
    let mut names: Module =
        path.trim_end_matches(".rs").split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let is_root = names.len() == 1 && names.first().is_some_and(|name| name == "lib" || name == "main");
    if is_root || names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

impl Imports {
    /// The imports among `sources`.
    pub fn of(sources: &[Source]) -> Self {
        let (mut graph, mut named) = (Graph::default(), Vec::new());
        let placed = placed(sources);
        for source in sources {
            let module = placed.get(&source.path).cloned().unwrap_or_else(|| module_of(&source.path));
            graph.modules.insert(module.clone(), source.path.ends_with("mod.rs"));
            named.extend(names_in(&source.text).into_iter().map(|name| (module.clone(), name)));
        }
        for (module, name) in &named {
            graph.bind(module, name);
        }
        let mut all = BTreeSet::new();
        for (from, name) in &named {
            let Some(path) = graph.absolute(from, name) else { continue };
            let to = graph.resolve(&path, 0);
            if to != *from {
                all.insert(Import { from: from.clone(), to, written: name.path.join("::") });
            }
        }
        Self { modules: graph.modules, all }
    }

    /// The file of a module, for messages.
    pub fn file(&self, module: &[String]) -> String {
        match self.modules.get(module) {
            Some(true) => format!("{}/mod.rs", module.join("/")),
            _ if module.is_empty() => "lib.rs".to_owned(),
            _ => format!("{}.rs", module.join("/")),
        }
    }

    /// Files that import each other, over however many; those above and below each other are left out. A text each.
    pub fn file_cycles(&self) -> Vec<String> {
        let edges = self.unrelated().map(|import| (import.from.clone(), import.to.clone()));
        cycles(&edges.collect()).iter().map(|ring| self.describe(ring, Module::clone)).collect()
    }

    /// Folders side by side that import each other, over however many. A text each.
    pub fn folder_cycles(&self) -> Vec<String> {
        let edges = self.unrelated().filter_map(|import| {
            let common = import.from.iter().zip(&import.to).take_while(|(a, b)| a == b).count();
            let (from, to) = (&import.from[..=common], &import.to[..=common]);
            let are_folders = self.modules.get(from) == Some(&true) && self.modules.get(to) == Some(&true);
            are_folders.then(|| (from.to_vec(), to.to_vec()))
        });
        let rings = cycles(&edges.collect());
        rings.iter().map(|ring| self.describe(ring, |module| above(ring, module))).collect()
    }

    /// Imports between modules of which neither is above the other.
    fn unrelated(&self) -> impl Iterator<Item = &Import> {
        self.all
            .iter()
            .filter(|import| !import.from.starts_with(&import.to) && !import.to.starts_with(&import.from))
    }

    /// The imports within a ring, where `part` gives the part of the ring that a module belongs to.
    fn describe(&self, ring: &BTreeSet<Module>, part: impl Fn(&Module) -> Module) -> String {
        let lines = self.unrelated().filter_map(|import| {
            let (from, to) = (part(&import.from), part(&import.to));
            let inside = from != to && ring.contains(&from) && ring.contains(&to);
            inside.then(|| {
                format!(
                    "{} imports {} (`{}`)",
                    self.file(&import.from),
                    self.file(&import.to),
                    import.written
                )
            })
        });
        lines.collect::<Vec<_>>().join("; ")
    }
}

/// The folder of `ring` that `module` is in, or the module itself.
fn above(ring: &BTreeSet<Module>, module: &Module) -> Module {
    ring.iter().find(|folder| module.starts_with(folder)).unwrap_or(module).clone()
}

/// The sets of nodes that reach each other, each of two nodes or more.
fn cycles(edges: &BTreeSet<(Module, Module)>) -> Vec<BTreeSet<Module>> {
    let mut next: BTreeMap<&Module, Vec<&Module>> = BTreeMap::new();
    for (from, to) in edges {
        next.entry(from).or_default().push(to);
    }
    let reached = |start: &Module| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(node) = open.pop() {
            let fresh = next.get(node).into_iter().flatten().copied().filter(|&to| seen.insert(to.clone()));
            open.extend(fresh.collect::<Vec<_>>());
        }
        seen
    };
    let all: BTreeMap<&Module, BTreeSet<Module>> = next.keys().map(|&node| (node, reached(node))).collect();
    let mut rings: BTreeSet<BTreeSet<Module>> = BTreeSet::new();
    for (&node, reached) in &all {
        if reached.contains(node) {
            let back = |other: &&Module| all.get(*other).is_some_and(|others| others.contains(node));
            rings.insert(reached.iter().filter(back).cloned().collect());
        }
    }
    rings.into_iter().collect()
}

/// The modules, and the names that each makes known by `use`.
#[derive(Default)]
struct Graph {
    modules: BTreeMap<Module, bool>,
    bound: BTreeMap<Module, BTreeMap<String, Vec<String>>>,
    globs: BTreeMap<Module, Vec<Vec<String>>>,
}

/// Names that are passed on more often than this are not followed further.
const MAX_HOPS: usize = 16;

impl Graph {
    /// Takes note of what a `use` makes known in its module.
    fn bind(&mut self, module: &Module, name: &Name) {
        if !name.is_use || !name.inline.is_empty() {
            return;
        }
        let Some(path) = self.absolute(module, name) else { return };
        match &name.known_as {
            Some(known) => {
                self.bound.entry(module.clone()).or_default().insert(known.clone(), path);
            }
            None => self.globs.entry(module.clone()).or_default().push(path),
        }
    }

    /// The path from the crate's root; none for a path into another crate.
    fn absolute(&self, module: &Module, name: &Name) -> Option<Vec<String>> {
        let mut at: Vec<String> = module.iter().chain(&name.inline).cloned().collect();
        let mut rest = name.path.as_slice();
        match rest.first()?.as_str() {
            "crate" => {
                at.clear();
                rest = &rest[1..];
            }
            "self" | "super" => {}
            first => {
                // A module below, or a name that the file knows.
                let mut below = module.clone();
                below.push(first.to_owned());
                let known = self.bound.get(module).is_some_and(|bound| bound.contains_key(first));
                if !(name.is_use && (self.modules.contains_key(&below) || known)) {
                    return None;
                }
                at.clone_from(module);
            }
        }
        while let Some(first) = rest.first() {
            match first.as_str() {
                "self" => {}
                "super" => {
                    at.pop();
                }
                _ => break,
            }
            rest = &rest[1..];
        }
        at.extend(rest.iter().cloned());
        Some(at)
    }

    /// The module that has what `path` names, as far down as modules are files.
    fn resolve(&self, path: &[String], hops: usize) -> Module {
        let mut at = Module::new();
        for (index, part) in path.iter().enumerate() {
            let mut below = at.clone();
            below.push(part.clone());
            if self.modules.contains_key(&below) {
                at = below;
                continue;
            }
            if hops < MAX_HOPS {
                let bound = self.bound.get(&at).and_then(|bound| bound.get(part));
                if let Some(target) = bound {
                    let whole = [target, &path[index + 1..]].concat();
                    return self.resolve(&whole, hops + 1);
                }
                for glob in self.globs.get(&at).into_iter().flatten() {
                    let (around, whole) = (self.resolve(glob, hops + 1), [glob, &path[index..]].concat());
                    let found = self.resolve(&whole, hops + 1);
                    if found != around {
                        return found;
                    }
                }
            }
            break;
        }
        at
    }
}
