//! The design rules that a program can check: who may import whom, and where `unsafe` may stand.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules by layer, the lowest first. A module that is not named here is not allowed.
const LAYERS: [&[&str]; 5] = [
    &["error", "units", "language"],
    &["sys"],
    &["socket", "services", "clock", "cpu"],
    &["io", "protocol"],
    &[
        "server", "client", "transfer", "relay", "ports", "probe", "mtu", "trace", "bench", "load",
        "report", "tokio",
    ],
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Code lines: neither comments nor docs, nor the tests at a file's end.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    let code = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    code.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

/// The modules that a source names in `use crate::…` or `crate::…`, also in braces.
fn imports(code: &str, root: &str) -> Vec<String> {
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut modules = Vec::new();
    for (at, _) in code.match_indices(root) {
        let rest = &code[at + root.len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                let list = list.split(';').next().unwrap_or_default();
                modules.extend(list.split([',', '{', '}']).map(|item| word(item.trim())));
            }
            None => modules.push(word(rest)),
        }
    }
    modules.retain(|module| !module.is_empty());
    modules
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The module that a file of the library belongs to; `None` for lib.rs, main.rs and the cli.
fn module(path: &Path) -> Option<String> {
    let inner = path.strip_prefix(src()).expect("below src");
    let first = inner
        .components()
        .next()
        .expect("a name")
        .as_os_str()
        .to_str()
        .expect("UTF-8");
    let name = first.trim_end_matches(".rs").to_owned();
    (!["lib", "main", "cli"].contains(&name.as_str())).then_some(name)
}

#[test]
fn imports_go_down() {
    for path in sources(&src()) {
        let Some(module) = module(&path) else {
            continue;
        };
        let here = layer(&module).unwrap_or_else(|| panic!("{module} is in no layer"));
        for import in imports(&code(&path), "crate::") {
            if import == module {
                continue;
            }
            let there = layer(&import)
                .unwrap_or_else(|| panic!("{}: crate::{import} is in no layer", path.display()));
            assert!(
                there < here || here == 0 && there == 0,
                "{}: {module} (layer {here}) imports {import} (layer {there})",
                path.display()
            );
        }
    }
}

/// The features that turn a module of the library on; none for one that is always there.
fn gates(lib: &str) -> HashMap<String, Vec<String>> {
    let mut gates = HashMap::new();
    let mut features = Vec::new();
    for line in lib.lines() {
        let words = line.trim_start_matches("pub ");
        if line.starts_with("#[cfg(not(") {
            // Private without the feature: it is always there.
            features.clear();
        } else if line.starts_with("#[cfg(") {
            let quoted = line.split('"').skip(1).step_by(2);
            features = quoted.map(str::to_owned).collect();
        } else if let Some(name) = words.strip_prefix("mod ") {
            let name = name.trim_end_matches(';').to_owned();
            gates.insert(name, std::mem::take(&mut features));
        }
    }
    gates
}

/// The features that a feature of Cargo.toml brings, itself among them.
fn brought(manifest: &str, feature: &str) -> HashSet<String> {
    let table = manifest.split("[features]").nth(1).expect("features");
    let mut all = HashSet::from([feature.to_owned()]);
    let mut open = vec![feature.to_owned()];
    while let Some(feature) = open.pop() {
        let start = format!("\n{feature} = [");
        let list = table.split(&start).nth(1).unwrap_or_default();
        let list = list.split(']').next().unwrap_or_default();
        for name in list.split('"').skip(1).step_by(2) {
            if all.insert(name.to_owned()) {
                open.push(name.to_owned());
            }
        }
    }
    all
}

/// A module that is there without features imports none that is not, and what a gated one imports,
/// its own features bring.
#[test]
fn features_bring_what_their_modules_import() {
    let lib = fs::read_to_string(src().join("lib.rs")).expect("lib.rs");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("Cargo.toml");
    let gates = gates(&lib);
    for base in ["error", "units", "sys", "socket", "io"] {
        assert!(gates[base].is_empty(), "{base} needs a feature");
    }
    for path in sources(&src()) {
        let Some(module) = module(&path) else {
            continue;
        };
        for import in imports(&code(&path), "crate::") {
            let needed = &gates[&import];
            let is_there = |feature: &String| {
                let brought = brought(&manifest, feature);
                needed.iter().any(|needed| brought.contains(needed))
            };
            let own = &gates[&module];
            assert!(
                needed.is_empty() || !own.is_empty() && own.iter().all(is_there),
                "{}: {module} ({own:?}) imports {import} ({needed:?})",
                path.display()
            );
        }
    }
}

/// The library without features is on three crates, and on nothing else.
#[test]
fn the_base_depends_on_three_crates() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("Cargo.toml");
    let (_, table) = manifest.split_once("\n[dependencies]\n").expect("a table");
    let table = table.split("\n[").next().unwrap_or_default();
    let always: Vec<_> = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter(|line| !line.contains("optional = true"))
        .filter_map(|line| line.split(" =").next())
        .collect();
    assert_eq!(always, ["libc", "nix", "socket2"]);
    assert!(!manifest.contains("\n[target."), "{TARGETS}");
    assert!(!manifest.contains("\n[dependencies."), "{TARGETS}");
}

const TARGETS: &str = "dependencies outside of [dependencies] escape the test above";

#[test]
fn unsafe_stands_in_sys_alone() {
    for path in sources(&src()) {
        if module(&path).as_deref() == Some("sys") {
            continue;
        }
        for line in code(&path).lines() {
            let has = line
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|w| w == "unsafe");
            assert!(!has, "{}: {line}", path.display());
        }
    }
}

#[test]
fn only_output_prints() {
    for path in sources(&src()) {
        // A test says what it skips.
        let is_output = path.starts_with(src().join("cli/output"))
            || path.to_string_lossy().ends_with("_tests.rs");
        for macro_name in ["println!", "eprintln!", "print!(", "eprint!(", "dbg!"] {
            let found = code(&path).contains(macro_name);
            assert!(!found || is_output, "{}: {macro_name}", path.display());
        }
    }
}

#[test]
fn files_stay_small() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut folders = vec![src()];
    for area in fs::read_dir(tests).expect("a folder") {
        let area = area.expect("an entry").path();
        // Of the fuzzer's folder, what cargo builds there is none of ours.
        if !area.ends_with("fuzz") {
            folders.push(area);
        }
    }
    for folder in folders {
        for path in sources(&folder) {
            let text = fs::read_to_string(&path).expect("a source file");
            let lines = text.lines().count();
            let path = path.display();
            assert!(lines <= 420, "{path} has {lines} lines: split it");
        }
    }
}

#[test]
fn main_is_short() {
    let lines = fs::read_to_string(src().join("main.rs"))
        .expect("main.rs")
        .lines()
        .count();
    assert!(lines < 30);
}

#[test]
fn the_reader_of_imports_sees_them() {
    let code = "use crate::error::{Error, Result};\nuse crate::{sys, units::bytes};\nlet x = crate::socket::y();";
    assert_eq!(
        imports(code, "crate::"),
        ["error", "sys", "units", "socket"]
    );
}
