//! What a package carries beside the binary: completions and man pages; and what the program says of
//! itself.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{Running, finish, run, udpraw};

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "elvish", "powershell"];

/// The names of the commands, as the main page of the help lists them.
fn commands() -> Vec<String> {
    let help = finish(&["--help"]).stdout;
    let list = help.split("Commands:\n").nth(1).expect("a list");
    let list = list.split("\n\n").next().expect("its end");
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let names = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(first)
        .filter(|name| name != "help")
        .collect()
}

#[test]
fn each_shell_gets_a_script_that_names_every_command_and_the_values() {
    for shell in SHELLS {
        let finished = finish(&["completions", shell]);
        assert_eq!(
            (finished.code, finished.stderr.as_str()),
            (Some(0), ""),
            "{shell}"
        );
        for name in commands() {
            assert!(finished.stdout.contains(&name), "{shell}: {name}");
        }
        // Neither of the two completes values without a description.
        if shell != "elvish" && shell != "powershell" {
            for value in ["offload", "domain", "SO_RCVBUF", "rfc9002", "stun"] {
                assert!(finished.stdout.contains(value), "{shell}: {value}");
            }
        }
        assert_eq!(finished.stdout, finish(&["completions", shell]).stdout);
    }
}

/// What bash offers for the last of these words.
fn offered(words: &[&str]) -> Vec<String> {
    let script = format!(
        "eval \"$('{}' completions bash)\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
         _udpraw udpraw \"${{@: -1}}\" \"${{@: -2:1}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        env!("CARGO_BIN_EXE_udpraw")
    );
    let mut command = Command::new("bash");
    command.args(["--norc", "-c", &script, "bash"]).args(words);
    let finished = run(command);
    assert_eq!(finished.stderr, "", "{words:?}");
    finished.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    assert_eq!(offered(&["udpraw", "serv"]), ["server", "services"]);
    assert_eq!(
        offered(&["udpraw", "server", "--allow-b"]),
        ["--allow-bench"]
    );
    assert_eq!(offered(&["udpraw", "server", "--io", "o"]), ["offload"]);
    assert_eq!(
        offered(&["udpraw", "server", "--port", "dom"]),
        ["domain", "domain-s"]
    );
    assert_eq!(
        offered(&["udpraw", "recv", "-O", "SO_RCVB"]),
        ["SO_RCVBUF", "SO_RCVBUFFORCE"]
    );
    assert_eq!(
        offered(&["udpraw", "client", "--backoff", "rfc9"]),
        ["rfc9002"]
    );
    assert_eq!(offered(&["udpraw", "--color", "n"]), ["never"]);
    assert_eq!(offered(&["udpraw", "services", "look"]), ["lookup"]);
    assert_eq!(offered(&["udpraw", "completions", "zs"]), ["zsh"]);
}

#[test]
fn an_unknown_shell_is_refused_in_one_line() {
    let finished = finish(&["completions", "tcsh"]);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(2), ""));
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    assert!(
        finished.stderr.contains("possible values: bash"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    for arguments in [&["completions", "bash"][..], &["man"]] {
        let finished = Running::start(udpraw(arguments)).close_stdout();
        assert_eq!(
            (finished.code, finished.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("UTF-8");
    let mut names: Vec<_> = entries
        .map(|entry| name(entry.expect("an entry")))
        .collect();
    names.sort();
    names
}

#[test]
fn each_command_has_a_page_with_every_section() {
    let folder = tempfile::tempdir().expect("a folder");
    // It is made, parents and all.
    let folder = folder.path().join("share/man1");
    let place = folder.to_str().expect("UTF-8");
    let finished = finish(&["man", place]);
    assert_eq!(
        (
            finished.code,
            finished.stdout.as_str(),
            finished.stderr.as_str()
        ),
        (Some(0), "", "")
    );
    let pages = names(&folder);
    for name in commands() {
        assert!(
            pages.contains(&format!("udpraw-{name}.1")),
            "{name}: {pages:?}"
        );
    }
    assert!(
        pages.contains(&"udpraw-services-lookup.1".into()),
        "{pages:?}"
    );
    for page in &pages {
        let text = fs::read_to_string(folder.join(page)).expect("a page");
        for section in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "EXAMPLES",
            "\"EXIT STATUS\"",
            "ENVIRONMENT",
            "FILES",
            "\"SEE ALSO\"",
        ] {
            assert!(
                text.contains(&format!(".SH {section}\n")),
                "{page}: {section}\n{text}"
            );
        }
        let examples = text.split(".SH EXAMPLES\n").nth(1).expect("a section");
        let examples = examples.split(".SH").next().expect("its end");
        assert!(examples.contains("udpraw"), "{page}: {examples}");
        // No page depends on when it was made.
        assert!(text.contains("\"udpraw 0.2.0\""), "{page}: {text}");
    }
    let main = fs::read_to_string(folder.join("udpraw.1")).expect("the main page");
    assert_eq!(finish(&["man"]).stdout, main);
    // A second run replaces them.
    assert_eq!(finish(&["man", place]).code, Some(0));
    assert_eq!(names(&folder), pages);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "mine").expect("a file");
    for place in [file.clone(), file.join("below"), "/proc/udpraw".into()] {
        let finished = finish(&["man", place.to_str().expect("UTF-8")]);
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(2), ""),
            "{place:?}"
        );
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        assert!(
            finished
                .stderr
                .contains("name a folder that you may write to"),
            "{}",
            finished.stderr
        );
    }
    assert_eq!(fs::read_to_string(&file).expect("a file"), "mine");
}

#[test]
fn half_a_page_is_never_left_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("udpraw.1"), "the page of before").expect("a file");
    // No file may grow beyond a block; SIGXFSZ ignored, the write fails with EFBIG.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" man \"$1\""])
        .arg(env!("CARGO_BIN_EXE_udpraw"))
        .arg(folder.path());
    let finished = run(command);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("EFBIG"), "{}", finished.stderr);
    assert_eq!(names(folder.path()), ["udpraw.1"]);
    let left = fs::read_to_string(folder.path().join("udpraw.1")).expect("a file");
    assert_eq!(left, "the page of before");
}

#[test]
fn the_version_is_short_and_long() {
    assert_eq!(finish(&["-V"]).stdout, "udpraw 0.2.0\n");
    let long = finish(&["--version"]).stdout;
    let lines: Vec<_> = long.lines().collect();
    let [first, commit, features, target] = lines[..] else {
        panic!("{long}");
    };
    assert_eq!(first, "udpraw 0.2.0");
    assert!(
        commit.starts_with("commit: ") && commit.len() > 12,
        "{commit}"
    );
    assert!(
        features.starts_with("features: ") && features.contains("cli"),
        "{features}"
    );
    assert!(
        target.starts_with("target: ") && target.contains("linux"),
        "{target}"
    );
}

#[test]
fn colour_is_a_choice() {
    let stderr = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = udpraw(arguments);
        command
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .envs(variable);
        run(command).stderr
    };
    let coloured = |text: &str| text.contains('\x1b');
    let wrong = ["services", "lookup", "nosuchservice"];
    for failing in [&wrong[..], &["server", "--nosuchflag"]] {
        let with = |color: &'static str| [&["--color", color], failing].concat();
        assert!(!coloured(&stderr(failing, None)));
        assert!(!coloured(&stderr(&with("auto"), None)));
        assert!(coloured(&stderr(&with("always"), None)), "{failing:?}");
        assert!(
            coloured(&stderr(&with("always"), Some(("NO_COLOR", "1")))),
            "{failing:?}"
        );
        assert!(
            coloured(&stderr(failing, Some(("CLICOLOR_FORCE", "1")))),
            "{failing:?}"
        );
        assert!(
            !coloured(&stderr(&with("never"), Some(("CLICOLOR_FORCE", "1")))),
            "{failing:?}"
        );
    }
    assert!(coloured(&finish(&["--color=always", "--help"]).stdout));
    assert!(!coloured(&finish(&["--color=never", "--help"]).stdout));
    assert_eq!(
        finish(&["--color", "sometimes", "tour", "--list"]).code,
        Some(2)
    );
}

/// Every page of the help.
fn pages() -> Vec<Vec<String>> {
    let mut found = vec![vec![]];
    found.extend(commands().into_iter().map(|name| vec![name]));
    let inner = ["lookup", "list", "check"];
    found.extend(inner.map(|name| vec!["services".to_owned(), name.to_owned()]));
    found
}

#[test]
fn help_wraps_once_at_any_width() {
    for page in pages() {
        for flag in ["-h", "--help"] {
            let mut words = Vec::new();
            for width in [1, 20, 40, 60, 80, 120] {
                let mut command = udpraw(page.iter().map(String::as_str).chain([flag]));
                command.env("COLUMNS", width.to_string());
                let finished = run(command);
                assert_eq!(
                    finished.code,
                    Some(0),
                    "{page:?} {width}: {}",
                    finished.stderr
                );
                let (text, width) = (finished.stdout, width.clamp(20, 100));
                let lines: Vec<_> = text.lines().collect();
                for line in &lines {
                    assert!(
                        line.chars().count() <= width || is_unbreakable(line),
                        "{page:?} {width}: {line}"
                    );
                }
                for pair in lines.windows(2) {
                    assert!(
                        !is_broken_twice(pair[0], pair[1], width),
                        "{page:?} {width}: {pair:?}"
                    );
                }
                words.push(
                    // Narrow pages align the names of values in front of their colons.
                    text.split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" ")
                        .replace(" : ", ": "),
                );
            }
            let same = words.windows(2).all(|pair| pair[0] == pair[1]);
            assert!(same, "{page:?} {flag}: {words:?}");
        }
    }
}

/// Whether clap, or nobody, can break the line: one word, the names of an option with its value, or the
/// head of its values.
fn is_unbreakable(line: &str) -> bool {
    let words: Vec<_> = line.split_whitespace().collect();
    let is_name = |word: &&str| word.starts_with(['-', '<', '[']);
    words.len() < 2 || words.iter().all(is_name) || line.trim() == "Possible values:"
}

/// Whether the second line goes on with the text of the first one, which had room for its first word.
fn is_broken_twice(line: &str, next: &str, width: usize) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let begins_anew = |line: &str| line.trim_start().starts_with(['-', '[']);
    let word = next.split_whitespace().next().unwrap_or_default();
    // Deeper than the names of options and commands, there is only text.
    let is_text = indent(line) >= 10 && indent(line) == indent(next);
    is_text
        && !word.is_empty()
        && !begins_anew(next)
        && !line.ends_with(':')
        && line.chars().count() + 1 + word.len() <= width
}

#[test]
fn an_address_and_a_port_may_be_written_as_one_guesses() {
    let server = crate::common::Server::start(&["--count", "3"]);
    let port = server.port().to_string();
    for arguments in [
        &["client", "127.0.0.1", &port][..],
        &["client", &format!("127.0.0.1:{port}")],
        &["client", "-4", "localhost", &port],
    ] {
        let finished = finish(arguments);
        assert_eq!(finished.code, Some(0), "{arguments:?}: {}", finished.stderr);
    }
    crate::common::assert_refused(
        &["client"],
        &[
            (&["::1:1060"], &["write [::1]:1060"]),
            (
                &["127.0.0.1", "1060", "--port", "1061"],
                &["cannot be used with"],
            ),
            (
                &["127.0.0.1:1", "2"],
                &["it names port 1, and --port names 2"],
            ),
        ],
    );
    crate::common::assert_refused(
        &[],
        &[
            (&["listen"], &["did you mean server?"]),
            (&["nc"], &["client, or server"]),
        ],
    );
}
