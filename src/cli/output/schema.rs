//! The JSON Schemas in `docs/schema`, made from the record types: they cannot differ from them.
//!
//! `UDPRAW_WRITE_SCHEMAS=1 cargo test --bin udpraw schema` writes them anew.

use std::path::Path;
use std::{env, fs};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::envelope::{JsonEvent, Time};

/// The schema of one command while it is made.
struct Command {
    name: &'static str,
    generator: SchemaGenerator,
    events: Map<String, Value>,
}

impl Command {
    fn new(name: &'static str) -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        Self {
            name,
            generator: settings.into_generator(),
            events: Map::new(),
        }
    }

    /// Adds the events of a record type.
    fn with<T: JsonEvent + JsonSchema>(mut self) -> Self {
        assert_eq!(T::SCHEMA, format!("udpraw.{}/1", self.name));
        let schema = T::json_schema(&mut self.generator).to_value();
        let variants = match schema.get("anyOf") {
            Some(Value::Array(variants)) => variants.clone(),
            _ => vec![schema],
        };
        assert_eq!(variants.len(), T::EVENTS.len(), "{}", self.name);
        for (event, variant) in T::EVENTS.iter().zip(variants) {
            let variant = self.enveloped(event, variant);
            let known = self.events.insert((*event).to_owned(), variant);
            assert!(known.is_none(), "{} has two events {event}", self.name);
        }
        self
    }

    /// Puts a record into the envelope.
    fn enveloped(&mut self, event: &str, mut record: Value) -> Value {
        // A variant that is a struct of its own, maybe with a description beside the reference.
        if let Some(Value::String(reference)) = record.get("$ref") {
            let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
            let description = record.get("description").cloned();
            record = self.generator.definitions_mut()[&name].clone();
            if let Some(description) = description {
                record["description"] = description;
            }
        }
        let mut properties = json!({
            "schema": { "const": format!("udpraw.{}/1", self.name) },
            "time": envelope_field("time"),
            "event": { "const": event },
            "unreported": envelope_field("unreported"),
        });
        let mut required = vec![json!("schema"), json!("time"), json!("event")];
        if let Some(Value::Object(own)) = record.get("properties") {
            for (name, schema) in own {
                let known = properties[name].take();
                assert!(known.is_null(), "{}: {event} has two {name}", self.name);
                properties[name] = schema.clone();
            }
        }
        if let Some(Value::Array(own)) = record.get("required") {
            required.extend(own.iter().cloned());
        }
        json!({
            "description": record.get("description"),
            "type": "object",
            "properties": properties,
            "required": required,
        })
    }

    fn finish(mut self) -> Value {
        let mut definitions = self.generator.take_definitions(true);
        // A record that became an event is no definition beside it.
        let events: Vec<_> = self.events.keys().cloned().collect();
        for (event, schema) in self.events {
            let known = definitions.insert(event.clone(), schema);
            assert!(known.is_none(), "{}: {event}", self.name);
        }
        let one_of: Vec<_> = (events.iter())
            .map(|event| json!({ "$ref": format!("#/$defs/{event}") }))
            .collect();
        let mut schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": format!("urn:udpraw:schema:{}:1", self.name),
            "title": format!("udpraw {}", self.name),
            "description": format!("One line of `udpraw {} --json`.", self.name),
            "type": "object",
            "oneOf": one_of,
            "$defs": definitions,
        });
        drop_unused(&mut schema);
        close(&mut schema);
        schema
    }
}

/// Removes definitions that nothing refers to.
fn drop_unused(schema: &mut Value) {
    loop {
        let text = schema.to_string();
        let Some(Value::Object(definitions)) = schema.get_mut("$defs") else {
            return;
        };
        let before = definitions.len();
        definitions.retain(|name, _| text.contains(&format!("\"#/$defs/{name}\"")));
        if definitions.len() == before {
            return;
        }
    }
}

/// Allows no property that is not named, and takes out what only Rust knows of: widths of integers,
/// and that a field which is left out would be null.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(fields) => {
            if fields.get("format").is_some_and(|it| it != "date-time") {
                fields.remove("format");
            }
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            fields.values_mut().for_each(close);
            if !fields.get("properties").is_some_and(Value::is_object) {
                return;
            }
            leave_out_null(fields);
            // With variants, only the whole knows all properties.
            let variants = fields.get_mut("oneOf").and_then(Value::as_array_mut);
            let keyword = match variants {
                Some(variants) => {
                    for variant in variants {
                        variant
                            .as_object_mut()
                            .map(|it| it.remove("additionalProperties"));
                    }
                    "unevaluatedProperties"
                }
                None => "additionalProperties",
            };
            fields.insert(keyword.to_owned(), json!(false));
        }
        _ => {}
    }
}

/// A property that can be missing is null only if its description says so.
fn leave_out_null(fields: &mut Map<String, Value>) {
    let required = fields.get("required").cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = fields.get_mut("properties") else {
        return;
    };
    for (name, property) in properties {
        let is_required = (required.as_array()).is_some_and(|all| all.contains(&json!(name)));
        let says_null = property["description"]
            .as_str()
            .is_some_and(|text| text.contains("null"));
        if is_required || says_null {
            continue;
        }
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|it| it != "null");
            if let [only] = types.as_slice() {
                property["type"] = only.clone();
            }
        }
        if let Some(Value::Array(any)) = property.get_mut("anyOf") {
            any.retain(|it| it["type"] != "null");
            if let [only] = any.as_slice() {
                let reference = only["$ref"].clone();
                property.as_object_mut().map(|it| it.remove("anyOf"));
                property["$ref"] = reference;
            }
        }
    }
}

/// A field of the envelope.
fn envelope_field(name: &str) -> Value {
    let time = Time::json_schema(&mut SchemaGenerator::default()).to_value();
    match name {
        "time" => {
            let mut time = time;
            time["description"] = json!(
                "When the record was written: RFC 3339, UTC, nine digits of a second. Within one \
                 process it never goes back, unless the system's clock does."
            );
            time
        }
        _ => json!({
            "description": "Records of the same kind that were left out before this one, because remote \
                            hosts can cause them at will: the first 10 are written, then one per second. \
                            Missing if it is 0.",
            "type": "integer",
            "minimum": 1,
        }),
    }
}

/// What every line of every command has in common.
fn envelope() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:udpraw:schema:envelope:1",
        "title": "udpraw --json",
        "description": "What every line of `--json` has in common, whatever the command. The schema of \
                        each command repeats it, so that each file can be used alone.",
        "type": "object",
        "properties": {
            "schema": {
                "description": "The schema of the line, `udpraw.COMMAND/VERSION`: its file is \
                                COMMAND.json. A change that could break a reader raises VERSION.",
                "type": "string",
                "pattern": "^udpraw\\.[a-z]+/[0-9]+$",
            },
            "time": envelope_field("time"),
            "event": {
                "description": "What happened: it decides which other fields the line has.",
                "type": "string",
                "pattern": "^[a-z]+(_[a-z]+)*$",
            },
            "unreported": envelope_field("unreported"),
        },
        "required": ["schema", "time", "event"],
    })
}

/// The lines of a relay's log, which have no envelope: they are a recording that is replayed.
fn relay_log() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator = settings.into_generator();
    let mut schema = generator
        .root_schema_for::<super::relay::log::Line>()
        .to_value();
    schema["$id"] = json!("urn:udpraw:schema:relay-log:1");
    schema["title"] = json!("udpraw relay --log");
    close(&mut schema);
    schema
}

/// All files of `docs/schema`.
fn all() -> Vec<(&'static str, Value)> {
    let commands = [
        Command::new("bench")
            .with::<super::bench::records::TrialRecord>()
            .with::<super::bench::records::RowRecord<'_>>()
            .with::<super::bench::records::SkippedRecord>(),
        Command::new("client").with::<super::client::record::Record<'_>>(),
        Command::new("learn").with::<super::learn::Record<'_>>(),
        Command::new("load")
            .with::<super::load::records::StartRecord>()
            .with::<super::load::records::IntervalRecord>()
            .with::<super::load::records::ResultRecord>()
            .with::<super::load::records::TrialRecord>()
            .with::<super::load::records::SaturatedRecord>(),
        Command::new("mtu").with::<super::mtu::Record<'_>>(),
        Command::new("options")
            .with::<super::options::record::OptionRecord<'_>>()
            .with::<super::options::record::AppliedRecord<'_>>(),
        Command::new("ports")
            .with::<super::ports::records::SocketRecord>()
            .with::<super::ports::records::ListeningRecord>(),
        Command::new("probe").with::<super::probe::record::Record<'_>>(),
        Command::new("recv").with::<super::recv::records::Record<'_>>(),
        Command::new("relay").with::<super::relay::records::Record<'_>>(),
        Command::new("report")
            .with::<super::report::records::RunRecord<'_>>()
            .with::<super::report::records::RemarkRecord<'_>>()
            .with::<super::report::records::ChangeRecord>()
            .with::<super::report::records::ResultRecord<'_>>(),
        Command::new("send").with::<super::send::records::Record>(),
        Command::new("server").with::<super::server::record::Record<'_>>(),
        Command::new("services")
            .with::<super::services::ServiceRecord<'_>>()
            .with::<super::services::ProblemRecord<'_>>(),
        Command::new("tour").with::<super::tour::Record<'_>>(),
        Command::new("trace")
            .with::<super::trace::records::Record<'_>>()
            .with::<super::trace::records::Datagram<'_>>(),
    ];
    let mut all: Vec<_> = commands.map(|it| (it.name, it.finish())).into();
    all.push(("envelope", envelope()));
    all.push(("relay-log", relay_log()));
    all
}

#[test]
fn the_files_are_those_of_the_records() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema");
    let writes = env::var_os("UDPRAW_WRITE_SCHEMAS").is_some();
    if !writes && !folder.exists() {
        // The source crate comes without them. A checkout cannot lose them unseen: the programs' tests
        // read them too.
        return;
    }
    let all = all();
    for (name, schema) in &all {
        let path = folder.join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
        if writes {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let file = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            file == text,
            "{} is not what the records are: write it anew with UDPRAW_WRITE_SCHEMAS=1",
            path.display()
        );
    }
    let files = fs::read_dir(&folder)
        .unwrap()
        .filter(|entry| {
            let path = entry.as_ref().unwrap().path();
            path.extension().is_some_and(|ending| ending == "json")
        })
        .count();
    assert_eq!(
        files,
        all.len(),
        "a file of no command in {}",
        folder.display()
    );
}

/// Every field and every event is described, and its name is in one form.
#[test]
fn everything_is_described() {
    fn visit(at: &str, schema: &Value) {
        let Value::Object(fields) = schema else {
            if let Value::Array(items) = schema {
                items.iter().for_each(|item| visit(at, item));
            }
            return;
        };
        if let Some(Value::Object(properties)) = fields.get("properties") {
            for (name, property) in properties {
                assert!(
                    property.get("description").is_some()
                        || property.get("const").is_some()
                        || property.get("$ref").is_some()
                        || at.ends_with("Verdicts"),
                    "{at}.{name} has no description"
                );
                assert!(
                    (name.bytes()).all(|byte| byte.is_ascii_lowercase()
                        || byte.is_ascii_digit()
                        || byte == b'_')
                        || at.ends_with("Verdicts"),
                    "{at}.{name}"
                );
                for ending in ["_us", "_ms", "_s", "seconds", "length", "size"] {
                    assert!(!name.ends_with(ending), "{at}.{name}: bytes, or _ns");
                }
            }
        }
        for (name, value) in fields {
            visit(&format!("{at}.{name}"), value);
        }
    }
    for (name, schema) in all() {
        visit(name, &schema);
    }
}
