//! Which file of a crate takes what from which other one, as its code says: imports (grouped and by `super` as well) and paths in code
//! and in macros, followed through `pub use` to the file that defines it. What is compiled for tests alone is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, UseTree};

use crate::sources::root;

/// A module by its path within its crate.
type Module = Vec<String>;

/// The files of a crate.
pub struct Graph {
    files: BTreeMap<Module, File>,
}

struct File {
    path: PathBuf,
    syntax: syn::File,
}

/// What a file says: each path that it names, and what it passes on.
#[derive(Default)]
struct Names {
    paths: Vec<Module>,
    passed_on: BTreeMap<String, Module>,
}

impl Graph {
    /// The crate whose root is this file of the repository.
    pub fn of(crate_root: &str) -> Self {
        let mut graph = Graph { files: BTreeMap::new() };
        graph.add(Vec::new(), &root().join(crate_root));
        graph
    }

    fn add(&mut self, module: Module, path: &Path) {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let is_folder = module.is_empty() || path.ends_with("mod.rs");
        let below =
            if is_folder { path.parent().expect("a file is in a folder").to_owned() } else { path.with_extension("") };
        for item in &syntax.items {
            if let Item::Mod(ItemMod { ident, content: None, attrs, .. }) = item
                && !is_for_tests(attrs)
            {
                let name = ident.to_string();
                let file = [below.join(format!("{name}.rs")), below.join(&name).join("mod.rs")];
                let file = file.into_iter().find(|file| file.exists()).expect("the compiler found it");
                self.add([&module[..], &[name]].concat(), &file);
            }
        }
        self.files.insert(module, File { path: path.to_owned(), syntax });
    }

    /// For each file those that it takes something from, by their paths within the repository.
    pub fn edges(&self) -> BTreeMap<String, BTreeSet<String>> {
        let names: BTreeMap<_, _> =
            self.files.iter().map(|(module, file)| (module, self.names(module, file))).collect();
        let edges = names.iter().map(|(module, names_here)| {
            let from = self.path(module);
            let to = names_here.paths.iter().filter_map(|path| self.defined_in(path, &names));
            let to = to.map(|module| self.path(&module)).filter(|to| *to != from);
            (from.clone(), to.collect())
        });
        edges.collect()
    }

    fn path(&self, module: &Module) -> String {
        let path = &self.files[module].path;
        path.strip_prefix(root()).unwrap_or(path).display().to_string()
    }

    fn names(&self, module: &Module, file: &File) -> Names {
        let mut reader = Reader { graph: self, module: module.clone(), nested: 0, names: Names::default() };
        reader.visit_file(&file.syntax);
        reader.names
    }

    /// The module whose file defines what this path names.
    fn defined_in(&self, path: &Module, names: &BTreeMap<&Module, Names>) -> Option<Module> {
        let mut path = path.clone();
        // However often it is passed on; a ring of those does not compile.
        for _ in 0..16 {
            let (module, rest) = self.split(&path)?;
            let Some(name) = rest.first() else { return Some(module) };
            match names[&module].passed_on.get(name) {
                Some(elsewhere) => path = [elsewhere, &rest[1..]].concat(),
                None => return Some(module),
            }
        }
        None
    }

    /// The longest part of a path that is a file, and what is named in it.
    fn split(&self, path: &Module) -> Option<(Module, Module)> {
        let longest = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
        Some((path[..longest].to_vec(), path[longest..].to_vec()))
    }
}

/// The rings of files that take from each other, the smallest first.
pub fn circles(edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        edges.keys().map(|from| (from.as_str(), reach(edges, from))).collect();
    let ring = |from: &str| -> BTreeSet<String> {
        let back = reached[from].iter().filter(|to| reached.get(*to).is_some_and(|theirs| theirs.contains(from)));
        back.map(|file| (*file).to_owned()).collect()
    };
    let mut rings: Vec<_> = edges.keys().map(|from| ring(from)).filter(|ring| !ring.is_empty()).collect();
    rings.sort_by_key(|ring| (ring.len(), ring.clone()));
    rings.dedup();
    rings
}

/// All that one takes from, and what those take from.
fn reach<'a>(edges: &'a BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<&'a str> {
    let (mut found, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(file) = next.pop() {
        let fresh = edges.get(file).into_iter().flatten().map(String::as_str).filter(|to| !found.contains(to));
        let fresh: Vec<&'a str> = fresh.collect();
        found.extend(&fresh);
        next.extend(fresh);
    }
    found
}

/// Is it compiled where tests are, and nowhere else?
fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &&Attribute| {
        let text = match &attribute.meta {
            syn::Meta::List(list) if attribute.path().is_ident("cfg") => list.tokens.to_string(),
            _ => return attribute.path().is_ident("test"),
        };
        text == "test"
            || text.starts_with("all (test")
            || text.contains("feature = \"shuttle\"") && !text.contains("not")
    };
    attributes.iter().any(|attribute| is_test(&attribute))
}

struct Reader<'a> {
    graph: &'a Graph,
    module: Module,
    /// How deep within modules that are written in this file.
    nested: usize,
    names: Names,
}

impl Reader<'_> {
    /// A path as it is written, from the crate's root; none where it does not begin with a module of this crate.
    fn whole(&self, path: &[String]) -> Option<Module> {
        let up = path.iter().take_while(|part| *part == "super").count();
        let rest = path[up..].to_vec();
        match path.first().map(String::as_str)? {
            "crate" => Some(path[1..].to_vec()),
            "self" if self.nested == 0 => Some([&self.module[..], &path[1..]].concat()),
            "self" => None,
            "super" if up <= self.nested => None,
            "super" => {
                let height = self.module.len().checked_sub(up - self.nested)?;
                Some([&self.module[..height], &rest[..]].concat())
            }
            first => {
                let child = [&self.module[..], &[first.to_owned()]].concat();
                (self.nested == 0 && self.graph.files.contains_key(&child)).then(|| [&self.module[..], path].concat())
            }
        }
    }

    fn note(&mut self, path: &[String]) {
        self.names.paths.extend(self.whole(path));
    }

    fn note_import(&mut self, before: &[String], tree: &UseTree, is_passed_on: bool) {
        match tree {
            UseTree::Path(path) => {
                let before = [before, &[path.ident.to_string()]].concat();
                self.note_import(&before, &path.tree, is_passed_on);
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.note_import(before, tree, is_passed_on));
            }
            UseTree::Name(name) => {
                self.note_imported(before, &name.ident.to_string(), &name.ident.to_string(), is_passed_on)
            }
            UseTree::Rename(name) => {
                self.note_imported(before, &name.ident.to_string(), &name.rename.to_string(), is_passed_on);
            }
            UseTree::Glob(_) => self.note(before),
        }
    }

    fn note_imported(&mut self, before: &[String], name: &str, called: &str, is_passed_on: bool) {
        let path = if name == "self" { before.to_vec() } else { [before, &[name.to_owned()]].concat() };
        let Some(whole) = self.whole(&path) else { return };
        if is_passed_on && self.nested == 0 {
            self.names.passed_on.insert(called.to_owned(), whole.clone());
        }
        self.names.paths.push(whole);
    }

    /// A path in a macro's arguments. The lone word of `pub(crate)` is none.
    fn note_words(&mut self, path: &[String]) {
        if !matches!(path, [word] if word == "crate" || word == "super") {
            self.note(path);
        }
    }

    /// The paths in a macro's arguments, of which nobody knows what they are.
    fn note_tokens(&mut self, tokens: proc_macro2::TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                proc_macro2::TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.note_words(&std::mem::take(&mut path));
                    }
                    path.push(word.to_string());
                    colons = 0;
                }
                proc_macro2::TokenTree::Punct(sign) if sign.as_char() == ':' => colons += 1,
                other => {
                    self.note_words(&std::mem::take(&mut path));
                    colons = 0;
                    if let proc_macro2::TokenTree::Group(group) = other {
                        self.note_tokens(group.stream());
                    }
                }
            }
        }
        self.note_words(&path);
    }
}

impl<'a> Visit<'a> for Reader<'_> {
    fn visit_item(&mut self, item: &'a Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'a syn::ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_mod(&mut self, module: &'a ItemMod) {
        if module.content.is_some() {
            self.nested += 1;
            visit::visit_item_mod(self, module);
            self.nested -= 1;
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        let is_passed_on = !matches!(item.vis, syn::Visibility::Inherited);
        self.note_import(&[], &item.tree, is_passed_on);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        if path.segments.len() > 1 {
            self.note(&path.segments.iter().map(|part| part.ident.to_string()).collect::<Vec<_>>());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        self.note_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_vis_restricted(&mut self, _: &'a syn::VisRestricted) {}

    fn visit_attribute(&mut self, _: &'a Attribute) {}
}
