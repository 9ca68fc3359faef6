//! The JSON Schemas in `docs/schema`, against which every line of `--json` is checked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::Value;

static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Where the schemas are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema")
}

/// The schema of that name.
pub fn read(name: &str) -> Value {
    let path = folder().join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

fn validator(name: &str) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().expect("no panic while it is held");
    if let Some(known) = validators.get(name) {
        return known.clone();
    }
    let options = jsonschema::options().should_validate_formats(true);
    let made = Arc::new(options.build(&read(name)).expect("a schema"));
    validators.insert(name.to_owned(), made.clone());
    made
}

/// Checks a line against the schema that it names and, unless it is a relay's log, the envelope's.
pub fn check(line: &Value) {
    let schema = line["schema"].as_str().unwrap_or_default();
    let name = schema
        .strip_prefix("udpraw.")
        .and_then(|rest| rest.strip_suffix("/1"))
        .unwrap_or_else(|| panic!("no schema in {line}"));
    valid(name, line);
    if name != "relay-log" {
        valid("envelope", line);
    }
}

fn valid(name: &str, line: &Value) {
    let validator = validator(name);
    if validator.is_valid(line) {
        return;
    }
    // The errors of all events would be no help: those of the line's own are.
    let schema = read(name);
    let event = line["event"].as_str().unwrap_or_default();
    let mut own = schema["$defs"][event].clone();
    if own.is_object() {
        own["$defs"] = schema["$defs"].clone();
    } else {
        own = schema;
    }
    let validator = jsonschema::validator_for(&own).expect("a schema");
    let errors: Vec<_> = validator
        .iter_errors(line)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    panic!("{line} is not of docs/schema/{name}.json: {errors:#?}");
}
