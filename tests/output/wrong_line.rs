//! The check of lines against their schemas finds what is wrong.

use serde_json::{Value, json};

use crate::common::schema;

/// The check itself finds a wrong name, a wrong type, and a field or event that no schema has.
#[test]
fn a_wrong_line_is_found() {
    let right = json!({
        "schema": "udpraw.server/1", "time": "2026-11-27T02:30:00.123456789Z", "event": "listening",
        "fd": 3, "local": {"address": "::1", "port": 9},
    });
    schema::check(&right);
    let changes: [fn(&mut Value); 6] = [
        |line| line["local"]["port"] = json!(65_536),
        |line| line["fd"] = json!("3"),
        |line| line["more"] = json!(1),
        |line| line["event"] = json!("unheard_of"),
        |line| line["time"] = json!("2026-11-27T02:30:00Z"),
        |line| line["unreported"] = json!(0),
    ];
    for change in changes {
        let mut line = right.clone();
        change(&mut line);
        let checked = std::panic::catch_unwind(|| schema::check(&line));
        assert!(checked.is_err(), "{line}");
    }
}
