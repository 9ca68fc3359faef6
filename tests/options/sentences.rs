//! Every entry of the catalogue makes a sentence.

use udpraw::socket::options::SocketOption;

/// The verbs that entries begin with: what is new must be one, or a question, or have an article.
#[rustfmt::skip]
const VERBS: &[&str] = &[
    "advises", "allows", "answers", "cuts", "drops", "forbids", "gathers", "gives", "hands", "has",
    "joins", "keeps", "leases,", "leaves", "lets", "marks", "puts", "receives", "removes", "reports",
    "sends", "sets", "takes", "tells", "turns",
];

#[test]
fn every_entry_makes_a_sentence() {
    let mut unknown = Vec::new();
    for option in SocketOption::all() {
        let first = option.meaning.split(' ').next().unwrap();
        let clause = option.clause();
        let is_known = match first {
            "how" | "where" | "whether" | "which" => clause.starts_with("it says "),
            "a" | "an" | "the" => clause.starts_with("it is "),
            verb => VERBS.contains(&verb) && clause == format!("it {}", option.meaning),
        };
        if !is_known {
            unknown.push(format!("{}: {clause}", option.name));
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}
