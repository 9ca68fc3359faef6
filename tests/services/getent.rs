//! The services against the C library's own reading of them: getent(1).

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::skip;
use udpraw::services::{Entry, Query, Services, Text, lines};

/// A service as plain data: name, port, protocol, aliases.
type Plain = (Vec<u8>, u16, Vec<u8>, Vec<Vec<u8>>);

fn plain(entry: Entry<'_>) -> Plain {
    let bytes = |text: Text<'_>| text.as_bytes().to_vec();
    (
        bytes(entry.name),
        entry.port,
        bytes(entry.protocol),
        entry.aliases().map(bytes).collect(),
    )
}

/// Runs getent on the `files` source alone, on `file` in the place of /etc/services if one is
/// given. `None` if that cannot be done here.
fn getent(file: Option<&Path>, keys: &[String]) -> Option<Vec<Plain>> {
    let mut command = match file {
        None => Command::new("getent"),
        Some(file) => {
            let mut command = Command::new("unshare");
            let script =
                r#"mount --bind "$0" /etc/services && echo mounted >&2 && exec getent "$@""#;
            command.args(["--mount", "sh", "-c", script]).arg(file);
            command
        }
    };
    command.args(["-s", "files", "services"]).args(keys);
    command.env("LC_ALL", "C").stdin(Stdio::null());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            skip(&format!("{:?}: {error}", command.get_program()));
            return None;
        }
    };
    if file.is_some() && !output.stderr.starts_with(b"mounted") {
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        skip(&format!("a file cannot be put over /etc/services: {why}"));
        return None;
    }
    Some(
        output
            .stdout
            .split(|&b| b == b'\n')
            .filter(|line| !line.is_empty())
            .map(answer)
            .collect(),
    )
}

/// A line of getent's: `http                  80/tcp www`.
fn answer(line: &[u8]) -> Plain {
    let mut words = line.split(|&b| b == b' ').filter(|word| !word.is_empty());
    let name = words.next().expect("a name").to_vec();
    let port = words.next().expect("a port");
    let slash = port.iter().position(|&b| b == b'/').expect("a slash");
    let number = String::from_utf8_lossy(&port[..slash])
        .parse()
        .expect("a number");
    let aliases = words.map(<[u8]>::to_vec).collect();
    (name, number, port[slash + 1..].to_vec(), aliases)
}

/// Compares a whole file with getent, then each name, alias and port, with its protocol and without.
fn agrees_with_getent(services: &Services, path: Option<&Path>) -> Option<()> {
    let all = getent(path, &[])?;
    for (entry, theirs) in services.entries().zip(&all) {
        let line = lines(services.as_bytes()).nth(entry.line - 1);
        let line = Text::new(line.expect("the entry's line").bytes);
        assert_eq!(plain(entry), *theirs, "line {}: {line:?}", entry.line);
    }
    assert_eq!(services.entries().count(), all.len());

    let mut keys = Vec::new();
    for entry in services.entries() {
        // Only what can be an argument, and is no number or list of protocols to either side.
        let Some(protocol) = entry.protocol.to_str() else {
            continue;
        };
        let names = std::iter::once(entry.name)
            .chain(entry.aliases())
            .filter_map(Text::to_str);
        for name in names.filter(|name| !name.contains('/') && !name.starts_with('-')) {
            if !name.starts_with(|first: char| first.is_ascii_digit()) {
                keys.push(name.to_owned());
                keys.push(format!("{name}/{protocol}"));
            }
        }
        keys.push(entry.port.to_string());
        keys.push(format!("{}/{protocol}", entry.port));
    }
    // A query may write its protocol in capitals and means udp; getent means UDP.
    keys.retain(|key| {
        key.parse::<Query>()
            .is_ok_and(|query| query.to_string() == *key)
    });
    let mut seen = HashSet::new();
    keys.retain(|key| seen.insert(key.clone()));
    for keys in keys.chunks(1_000) {
        let theirs = getent(path, keys)?;
        assert_eq!(theirs.len(), keys.len(), "getent answers every key");
        for (key, theirs) in keys.iter().zip(theirs) {
            let query: Query = key.parse().unwrap();
            let ours = services.lookup(&query).next().map(plain);
            assert_eq!(ours, Some(theirs), "{key}");
        }
    }
    Some(())
}

#[test]
fn this_machines_file_is_read_as_getent_reads_it() {
    let services = Services::load(None).unwrap();
    if services.origin() == Services::built_in().origin() {
        return skip("there is no /etc/services");
    }
    if agrees_with_getent(&services, None).is_some() {
        assert!(services.entries().count() > 0);
    }
}

/// A file of good lines in every guise, and of bad ones that the C library refuses too.
///
/// No line that begins with a space ends in a NUL byte or at the end of the file: as the C library
/// (2.36) moves it to the front of its buffer, it leaves out the byte that ends it, and reads `udpp`.
fn generated(seed: u64, lines: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let spaces: &[&str] = &[" ", "\t", "  ", " \t ", "\x0b", "\x0c", "\r"];
    let bad: &[&str] = &[
        "",
        "x",
        "x y/udp",
        "x 22 /tcp",
        "x 5tcp",
        "x /tcp",
        "#x 1/udp",
        "\0x 1/udp",
        "x\0 1/udp",
        "x#1/udp",
    ];
    let protocols: &[&str] = &[
        "udp", "udp", "tcp", "tcp", "sctp", "dccp", "ddp", "UDP", "odd/one",
    ];
    let mut file = Vec::new();
    let mut leading = false;
    for _ in 0..lines {
        let mut line = String::new();
        let name = |random: &mut fastrand::Rng| {
            let length = random.usize(1..12);
            let letters: String = (0..length).map(|_| random.alphanumeric()).collect();
            // Few enough to collide.
            match random.u8(0..4) {
                0 => format!("s{}", random.u8(0..40)),
                1 => format!("{letters}_é"),
                _ => letters,
            }
        };
        let space = |random: &mut fastrand::Rng| *random.choice(spaces).unwrap_or(&" ");
        if random.u8(0..8) == 0 {
            line.push_str(random.choice(bad).unwrap());
        } else {
            leading = random.u8(0..8) == 0;
            if leading {
                line.push_str(space(&mut random));
            }
            let port = if random.bool() {
                random.u16(1..200)
            } else {
                random.u16(1..)
            };
            let protocol = random.choice(protocols).unwrap();
            write!(
                line,
                "{}{}{port}/{protocol}",
                name(&mut random),
                space(&mut random)
            )
            .unwrap();
            for _ in 0..random.usize(0..4) {
                write!(line, "{}{}", space(&mut random), name(&mut random)).unwrap();
            }
        }
        match random.u8(0..8) {
            0 => line.push_str("# a comment"),
            1 => line.push_str(" # another # one"),
            2 if !leading => line.push_str("\0 cut"),
            3 => line.push_str(" \t"),
            _ => {}
        }
        file.extend(line.bytes());
        if random.u8(0..8) == 0 {
            file.extend(b" \xff\xfe");
        }
        file.extend(if random.u8(0..4) == 0 {
            &b"\r\n"[..]
        } else {
            b"\n"
        });
    }
    if random.bool() && !leading {
        file.pop();
    }
    file
}

#[test]
fn generated_files_are_read_as_getent_reads_them() {
    let directory = tempfile::tempdir().unwrap();
    // More of them in scripts/test-deep.
    let seeds = match std::env::var_os("UDPRAW_DEEP") {
        Some(_) => 20,
        None => 2,
    };
    for seed in 0..seeds {
        let path = directory.path().join(format!("services-{seed}"));
        std::fs::write(&path, generated(seed, 700)).unwrap();
        let services = Services::load(Some(&path)).unwrap();
        assert!(services.entries().count() > 300);
        if agrees_with_getent(&services, Some(&path)).is_none() {
            return;
        }
    }
}
