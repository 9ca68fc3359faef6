//! What a person reads of a bench: tables, and Markdown.

use super::*;

#[test]
fn the_text_tells_what_was_measured_and_what_to_use() {
    let finished = bench(&[
        "--io",
        "single,offload",
        "--size",
        "64",
        "--outstanding",
        "1,8",
    ]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    for part in [
        "Linux ",
        "IPv4 loopback",
        "an offloaded run stays whole",
        "receive buffer: 4194304 bytes requested, ",
        "send buffer:",
        "2 interleaved trials of 20ms",
        "median [50.0 % confidence interval]",
        "\nsink, 64 B\n",
        "\necho, 64 B, 1 outstanding\n",
        "\necho, 64 B, 8 outstanding\n",
        "us per round trip",
        "\n2 trials of each: too few to say which is faster (it takes 5)\n",
    ] {
        assert!(
            finished.stdout.contains(part),
            "{part}: {}",
            finished.stdout
        );
    }
    let rows = finished
        .stdout
        .lines()
        .filter(|line| line.starts_with("offload  offload"));
    assert_eq!(rows.count(), 3);
    assert!(!finished.stdout.contains('\x1b') && !finished.stdout.contains("wins"));
    for not_so in ["within the noise", "\nUse "] {
        assert!(
            !finished.stdout.contains(not_so),
            "two trials are too few for {not_so}"
        );
    }
    let enough = finish(&[
        "bench",
        "--time",
        "5ms",
        "--trials",
        "5",
        "--only",
        "sink",
        "--io",
        "single,offload",
        "--size",
        "64",
        "--markdown",
    ]);
    assert_eq!(enough.code, Some(0), "{}", enough.stderr);
    assert!(
        enough.stdout.contains("\nUse `BackendChoice::")
            && enough
                .stdout
                .contains("\n```rust\n// The side that sends\n"),
        "{}",
        enough.stdout
    );
    // Every backtick is closed on its line, around code alone.
    for line in enough
        .stdout
        .lines()
        .filter(|line| !line.starts_with("```"))
    {
        assert_eq!(line.matches('`').count() % 2, 0, "{line}");
        for code in line.split('`').skip(1).step_by(2) {
            assert!(!code.contains(' '), "{code:?} is no code");
        }
    }
}

#[test]
fn markdown_is_markdown() {
    let finished = bench(&[
        "--markdown",
        "--only",
        "sink",
        "--io",
        "single,batch",
        "--size",
        "64",
    ]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let table: Vec<&str> = finished
        .stdout
        .lines()
        .filter(|line| line.starts_with('|'))
        .collect();
    assert_eq!(table.len(), 4, "{}", finished.stdout);
    let columns = |line: &str| line.matches('|').count();
    assert!(
        table
            .iter()
            .all(|line| line.ends_with('|') && columns(line) == columns(table[0]))
    );
    assert!(table[1].chars().all(|c| "|-: ".contains(c)), "{}", table[1]);
    assert!(finished.stdout.contains("\n### sink, 64 B\n\n|"));
}

/// The page has every variant, and the command that repeats it; a file that is there is left alone.
#[test]
fn a_page_and_pictures_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("bench.html");
    let pictures = folder.path().join("svg");
    let (page_name, pictures_name) = (page.to_str().unwrap(), pictures.to_str().unwrap());
    let arguments = [
        "--io",
        "single,batch",
        "--size",
        "64",
        "--outstanding",
        "1",
        "--report",
        page_name,
        "--svg",
        pictures_name,
    ];
    assert_eq!(bench(&arguments).code, Some(0));
    let text = std::fs::read_to_string(&page).unwrap();
    for part in [
        "<h2>sink, 64 B</h2>",
        "<h2>echo, 64 B, 1 outstanding</h2>",
        "single",
        "batch",
        "2 interleaved trials",
        "IPv4 loopback",
        "--report",
        "default-src 'none'",
    ] {
        let escaped = part.replace('\'', "&#39;");
        assert!(text.contains(part) || text.contains(&escaped), "{part}");
    }
    for number in 1..=2 {
        let svg = std::fs::read_to_string(pictures.join(format!("rate-{number}.svg"))).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.matches("<circle").count() == 4,
            "{svg}"
        );
    }
    let again = bench(&arguments);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("EEXIST"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(&page).unwrap(), text);
}
