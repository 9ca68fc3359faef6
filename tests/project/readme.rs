//! Every example of README.md and of docs/ is run, and must print what the page shows; every link
//! between the pages leads somewhere; and every command and option is on a page.
//!
//! Each block runs in a network namespace of its own, so that its ports are free, and in an empty folder.
//! Ports that the OS picks, times and durations may differ; `...` stands for lines that are left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{self, Finished, Running, has, namespaces};

/// README.md and every page of docs/, with its text.
fn pages() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).expect("docs/");
    let paths = docs.map(|entry| entry.expect("an entry of docs/").path());
    paths
        .filter(|path| path.extension().is_some_and(|ext| ext == "md"))
        .chain([root.join("README.md")])
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a page is UTF-8");
            (path, text)
        })
        .collect()
}

/// The lines of each block of console text.
fn blocks(page: &str) -> Vec<Vec<&str>> {
    let parts = page.split("```console\n").skip(1);
    parts
        .map(|part| {
            part.split("\n```")
                .next()
                .unwrap_or_default()
                .lines()
                .collect()
        })
        .collect()
}

/// A line without what differs from run to run: ports that the OS picked, times, durations.
fn normal(line: &str) -> String {
    // A row of the bench is a measurement: which backends it is about is all that stays the same.
    if let [send, receive, _, ..] = line.split_whitespace().collect::<Vec<_>>()[..]
        && ["send", "single", "batch", "offload", "uring"].contains(&send)
    {
        return format!("{send} {receive}");
    }
    // So is what a transfer took.
    let is_transfer = line.starts_with("sent ") || line.starts_with("received ");
    if let (true, Some((what, _))) = (is_transfer, line.split_once(" in ")) {
        return without_numbers(what);
    }
    for (begin, inside) in [
        ("limited by the ", " % of the time: "),
        ("round trip ", ", backend "),
        ("", " declared lost, "),
        ("datagrams: ", " marked by ECN; "),
    ] {
        if line.starts_with(begin) && line.contains(inside) {
            return format!("{begin}…{inside}");
        }
    }
    // The columns of ports are as wide as a process's number, which is another each time.
    let line = match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["local", "remote", ..] => line.split_whitespace().collect::<Vec<_>>().join(" "),
        [at, peer, service, process, pid, ref rest @ ..]
            if at.contains(':') && rest.len() >= 5 && pid.parse::<u32>().is_ok() =>
        {
            format!("{at} {peer} {service} {process} pid {}", rest.join(" "))
        }
        _ => without_pids(line),
    };
    let words: Vec<_> = line
        .split(' ')
        .map(|word| {
            let bare = word.trim_end_matches([',', ')', ';']);
            let number = bare.trim_end_matches(['n', 'µ', 'm', 's']);
            let is_duration = number != bare && number.parse::<f64>().is_ok();
            if is_duration && bare.ends_with('s') {
                "DURATION"
            } else {
                word
            }
        })
        .collect();
    let line = words.join(" ");
    without_numbers(&line)
}

/// A line without what follows each `pid`.
fn without_pids(line: &str) -> String {
    let mut parts = line.split("pid ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str("pid ");
        text.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    text
}

fn without_numbers(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let end = number
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(number.len());
        text.push_str(before);
        let (digits, after) = number.split_at(end);
        let is_time = before.ends_with(['-', ':', '.']) || after.starts_with(['-', ':']);
        let is_picked = digits.len() == 5 && digits.parse().is_ok_and(|n: u32| n >= 32_768);
        text.push_str(if is_picked {
            "PORT"
        } else if is_time {
            "#"
        } else {
            digits
        });
        rest = after;
    }
    text + rest
}

fn shell(command: &str, folder: &Path) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_udpraw"))
        .parent()
        .expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("bash");
    shell
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", program.display()));
    shell.env_remove("UDPRAW_HOST").env_remove("UDPRAW_PORT");
    shell.env("XDG_STATE_HOME", folder).env("LC_ALL", "C");
    shell
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    shell
}

fn lines(finished: &Finished) -> Vec<String> {
    finished
        .stdout
        .lines()
        .chain(finished.stderr.lines())
        .map(normal)
        .collect()
}

/// Whether what was printed is what is shown, in any order; with `...`, at least what is shown.
fn compare(shown: &[&str], mut printed: Vec<String>, block: &[&str]) {
    let is_whole = !shown.contains(&"...");
    for line in shown.iter().filter(|line| **line != "...") {
        let want = normal(line);
        match printed.iter().position(|line| *line == want) {
            Some(at) => drop(printed.remove(at)),
            None => panic!("not printed: {line}\nin {block:#?}\nbut: {printed:#?}"),
        }
    }
    assert!(
        !is_whole || printed.is_empty(),
        "not shown: {printed:#?}\nin {block:#?}"
    );
}

fn try_block(block: &[&str], folder: &Path) {
    assert!(block[0].starts_with("$ "), "{block:?}");
    let mut background: Vec<Running> = Vec::new();
    let (mut shown, mut printed) = (Vec::new(), Vec::new());
    for (at, line) in block.iter().enumerate() {
        let Some(command) = line.strip_prefix("$ ") else {
            shown.push(*line);
            continue;
        };
        match command.strip_suffix(" &") {
            Some(command) => {
                // Talk and data are one stream here, as they are on a terminal.
                let command = format!("exec 2>&1; exec {command}");
                let mut running = Running::start(shell(&command, folder));
                // It is ready once it has said where it listens, as often as is shown.
                let told = block[at + 1..]
                    .iter()
                    .take_while(|line| !line.starts_with("$ "));
                for _ in told.filter(|line| line.contains("isten")) {
                    let mut is_it = false;
                    while !is_it {
                        let line = running.line();
                        assert_ne!(line, "", "{command} ended");
                        is_it = line.contains("isten");
                        printed.push(normal(&line));
                    }
                }
                background.push(running);
            }
            None if command == "wait" => {
                assert!(!background.is_empty(), "nothing to wait for");
                for running in background.drain(..) {
                    printed.extend(lines(&running.finish()));
                }
            }
            None => printed.extend(lines(&common::run(shell(command, folder)))),
        }
    }
    compare(&shown, printed, block);
}

/// Runs an example in a namespace of this thread's own, and of the processes that it starts.
fn try_in_namespace(block: &[&str]) {
    assert!(namespaces::alone(), "a network namespace, as before");
    let folder = tempfile::tempdir().expect("a temporary folder");
    try_block(block, folder.path());
}

/// Runs the examples of one page. On a busy machine a reply can be late and one more wait be printed: an
/// example that fails is run again, and fails the test if that does not help.
fn try_page(path: &Path, text: &str) {
    let started = std::time::Instant::now();
    let blocks = blocks(text);
    for block in &blocks {
        if (1..3).any(|_| std::panic::catch_unwind(|| try_in_namespace(block)).is_ok()) {
            continue;
        }
        try_in_namespace(block);
    }
    let (name, count) = (path.file_name(), blocks.len());
    println!("{name:?}: {count} examples in {:?}", started.elapsed());
}

#[test]
fn every_example_prints_what_it_shows() {
    if !(has("bash") && has("curl") && has("ip") && has("strace")) {
        return;
    }
    // In a thread of its own, since this one's namespace stays as it is.
    let namespace = std::thread::spawn(namespaces::alone);
    if !namespace.join().expect("it returns") {
        return;
    }
    let pages = pages();
    let examples: usize = pages.values().map(|text| blocks(text).len()).sum();
    assert!(examples >= 30, "{examples} examples");
    // Most of an example's time is waiting: the pages run at the same time. PAGE=ports runs one.
    let wanted = std::env::var("PAGE").unwrap_or_default();
    let failed: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = pages
            .iter()
            .filter(|(path, _)| path.to_string_lossy().contains(&wanted))
            .map(|(path, text)| (path, scope.spawn(move || try_page(path, text))))
            .collect();
        let ended = running
            .into_iter()
            .map(|(path, thread)| (path, thread.join()));
        ended
            .filter_map(|(path, end)| end.is_err().then_some(path))
            .collect()
    });
    assert!(
        failed.is_empty(),
        "examples of {failed:?} failed, see above"
    );
}

/// The targets of a page's links, without the anchors of each.
fn links(page: &str) -> impl Iterator<Item = &str> {
    page.split("](")
        .skip(1)
        .filter_map(|part| part.split(')').next())
        .filter(|target| !target.contains("://"))
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty())
}

#[test]
fn every_link_between_the_pages_leads_to_a_file() {
    for (path, text) in pages() {
        let folder = path.parent().expect("a page is in a folder");
        for target in links(&text) {
            let there = folder.join(target).exists();
            assert!(there, "{}: no such file: {target}", path.display());
        }
    }
}

/// The commands that `--help` lists, without those that only print about the others.
fn commands(help: &str) -> Vec<&str> {
    let lines = help.lines().skip_while(|line| *line != "Commands:");
    let lines = lines.skip(1).take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.strip_prefix("  ")?.split_once(' '))
        .map(|(name, _)| name)
        .filter(|name| !name.is_empty() && !["help", "completions", "man"].contains(name))
        .collect()
}

/// The file of a command's page; one is for both ends of a transfer.
fn page_of(command: &str) -> String {
    let page = command;
    format!("{page}.md")
}

#[test]
fn every_command_has_a_page_that_the_readme_and_the_index_link_to() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = pages();
    let help = common::finish(&["--help"]).stdout;
    let commands = commands(&help);
    assert!(commands.len() >= 13, "{commands:?} in {help}");
    let readme = &pages[&root.join("README.md")];
    let index = &pages[&root.join("docs/README.md")];
    for name in commands {
        let file = page_of(name);
        let text = pages.get(&root.join("docs").join(&file));
        let text = text.unwrap_or_else(|| panic!("no docs/{file} for {name}"));
        let heading = |line: &str| line.starts_with("# ") && line.contains(name);
        assert!(
            text.lines().any(heading),
            "docs/{file} has no title with {name}"
        );
        let link = format!("[`{name}`](docs/{file})");
        assert!(readme.contains(&link), "README.md has no link {link}");
        let link = format!("({file})");
        assert!(index.contains(&link), "docs/README.md has no link {link}");
    }
}

#[test]
fn every_option_of_a_command_is_on_its_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = pages();
    // What all commands have is in the index, and the socket options are on the server's page.
    let shared = ["README.md", "server.md"].map(|file| &pages[&root.join("docs").join(file)]);
    let help = common::finish(&["--help"]).stdout;
    let mut missing = Vec::new();
    for name in commands(&help) {
        let text = &pages[&root.join("docs").join(page_of(name))];
        let help = common::finish(&[name, "--help"]).stdout;
        for line in help.lines() {
            // An option stands near the margin; its description is further right.
            if line.len() - line.trim_start().len() > 6 {
                continue;
            }
            let words = line.split([' ', ',']).filter(|word| !word.is_empty());
            let options: Vec<_> = words
                .take_while(|word| word.len() > 1 && word.starts_with('-'))
                .collect();
            let is_on = |text: &str| {
                let spans = text.split('`').skip(1).step_by(2);
                let mut words = spans.flat_map(|span| span.split([' ', '\n', '|']));
                words.any(|word| options.contains(&word))
            };
            let is_known = options
                .iter()
                .all(|word| ["-h", "--help", "-V", "--version"].contains(word));
            if !is_known && !is_on(text) && !shared.iter().any(|text| is_on(text)) {
                missing.push(format!("docs/{}: {}", page_of(name), options.join(", ")));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "options that no page names: {missing:#?}"
    );
}

#[test]
fn what_differs_is_left_out_and_nothing_else() {
    let same = [
        ("('0.0.0.0', 46056)", "('0.0.0.0', 50001)"),
        (
            "held by udpraw, pid 7, fd 3",
            "held by udpraw, pid 12, fd 3",
        ),
        (
            "127.0.0.1:1060  -  -  udpraw    7  3  root  0  212992  0  reuseport",
            "127.0.0.1:1060  -  -  udpraw  812  3  root  0  212992  0  reuseport",
        ),
        (
            "is 2026-11-21 23:33:38.123456'",
            "is 2027-01-02 03:04:05.000006'",
        ),
    ];
    for (a, b) in same {
        assert_eq!(normal(a), normal(b));
    }
    for (a, b) in [
        ("('127.0.0.1', 1060)", "('127.0.0.1', 1061)"),
        ("38 bytes", "39 bytes"),
        ("held by udpraw, pid 7, fd 3", "held by udpraw, pid 7, fd 4"),
    ] {
        assert_ne!(normal(a), normal(b));
    }
}
