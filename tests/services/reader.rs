//! The services against a naive reader of their own format.

use proptest::prelude::*;
use udpraw::services::{Entry, Protocol, Query, Services, Text, check, entries, lines};

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

/// services(5), read with no thought of speed: line number, service, comment.
fn naive(file: &[u8]) -> Vec<(usize, Plain)> {
    let mut found = Vec::new();
    for (index, line) in file.split(|&byte| byte == b'\n').enumerate() {
        let content = line
            .split(|&byte| byte == b'#' || byte == 0)
            .next()
            .unwrap();
        let words: Vec<Vec<u8>> = content
            .split(|byte| b" \t\r\x0b\x0c".contains(byte))
            .filter(|word| !word.is_empty())
            .map(<[u8]>::to_vec)
            .collect();
        let [name, port, aliases @ ..] = &words[..] else {
            continue;
        };
        let Some(slash) = port.iter().position(|&byte| byte == b'/') else {
            continue;
        };
        let (digits, protocol) = (&port[..slash], &port[slash + 1..]);
        let decimal = !digits.is_empty()
            && digits[0] != b'0'
            && digits.iter().all(u8::is_ascii_digit)
            && digits.len() <= 5;
        if !decimal || protocol.is_empty() || protocol[0] == b'/' {
            continue;
        }
        let port: u32 = String::from_utf8_lossy(digits).parse().unwrap();
        if let Ok(port) = u16::try_from(port) {
            let service = (name.clone(), port, protocol.to_vec(), aliases.to_vec());
            found.push((index + 1, service));
        }
    }
    found
}

fn agrees_with_naive(file: &[u8]) {
    let fast: Vec<_> = entries(file)
        .map(|entry| (entry.line, plain(entry)))
        .collect();
    assert_eq!(fast, naive(file));
    let from_lines = lines(file).filter_map(|line| line.content.ok().flatten());
    assert!(from_lines.eq(entries(file)), "lines and entries differ");
    let mut rebuilt = Vec::new();
    for (index, line) in lines(file).enumerate() {
        assert_eq!(line.number, index + 1);
        rebuilt.extend_from_slice(line.bytes);
        rebuilt.push(b'\n');
        if let Ok(Some(entry)) = line.content {
            let shown = format!("{} {:?} {}", entry.name, entry.comment(), entry.protocol);
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
    }
    rebuilt.truncate(file.len());
    assert_eq!(rebuilt, file, "no byte is lost between the lines");
    for finding in check(file) {
        assert!(!finding.to_string().contains(char::is_control));
    }
}

/// Pieces that good and bad lines are made of, so that both are frequent.
const PIECES: &[&[u8]] = &[
    b"ssh",
    b"domain",
    b"a",
    b"-",
    b"x_y",
    b"\xff\xfe",
    b"caf\xc3\xa9",
    b" ",
    b" ",
    b"\t",
    b"\r",
    b"\x0b",
    b"\x0c",
    b"\0",
    b"#",
    b"# note",
    b"\n",
    b"\n",
    b"\r\n",
    b"/",
    b"/udp",
    b"/tcp",
    b"//",
    b"22",
    b"22/tcp",
    b"53/udp",
    b" 9/udp ",
    b" 65535/sctp",
    b" 65536/tcp",
    b"0",
    b"0x16/tcp",
    b"+5/udp",
    b"-1/udp",
    b"00",
    b"99999999999999999999/udp",
    b"\x1b[31m",
    b"\xc2\x85",
    b"\xe3\x80\x80",
];

proptest! {
    #![proptest_config(crate::common::cases(2_000))]

    #[test]
    fn random_bytes_are_read_as_the_naive_reader_reads_them(
        file in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        agrees_with_naive(&file);
    }

    #[test]
    fn likely_lines_are_read_as_the_naive_reader_reads_them(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60),
    ) {
        agrees_with_naive(&pieces.concat());
    }

    #[test]
    fn a_lookup_finds_exactly_what_a_search_of_all_finds(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60),
        query in proptest::sample::select(&["ssh", "a/udp", "22", "53/udp", "22/tcp", "65535/sctp", "-"][..]),
    ) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pieces.concat()).unwrap();
        let services = Services::load(Some(file.path())).unwrap();
        let parsed: Query = query.parse().unwrap();
        let found: Vec<_> = services.lookup(&parsed).map(plain).collect();
        let (key, protocol) = query.split_once('/').unwrap_or((query, ""));
        let want: Vec<_> = naive(&pieces.concat()).into_iter().map(|(_, service)| service).filter(|service| {
            let (name, port, over, aliases) = service;
            let key_is_there = match key.parse::<u16>() {
                Ok(number) => number == *port,
                Err(_) => name == key.as_bytes() || aliases.iter().any(|alias| alias == key.as_bytes()),
            };
            key_is_there && (protocol.is_empty() || over == protocol.as_bytes())
        }).collect();
        prop_assert_eq!(found, want);
    }
}

#[test]
fn vast_files_are_survived() {
    // All of it in scripts/test-deep.
    let vast = match std::env::var_os("UDPRAW_DEEP") {
        Some(_) => 100_000_000,
        None => 5_000_000,
    };
    let line = b"some-service\t4000/udp\tother another # what it is for\r\n";
    let mut file = line.repeat(vast / line.len());
    let numbered = entries(&file).enumerate();
    assert!(
        numbered
            .map(|(index, entry)| (index + 1, entry.line))
            .all(|(a, b)| a == b)
    );
    assert_eq!(entries(&file).count(), vast / line.len());
    // One line of it all: first a port, then a comment, then aliases.
    file.fill(b'9');
    assert_eq!(entries(&file).count(), 0);
    file.splice(..8, *b"x 7/udp#");
    assert_eq!(
        entries(&file)
            .next()
            .unwrap()
            .comment()
            .unwrap()
            .as_bytes()
            .len(),
        file.len() - 8
    );
    file.truncate(vast / 10);
    let aliases = file.len() / 2 - 4;
    for pair in file[8..].chunks_exact_mut(2) {
        pair.copy_from_slice(b" y");
    }
    file[7] = b' ';
    assert_eq!(entries(&file).next().unwrap().aliases().count(), aliases);
    file.fill(b'\n');
    assert_eq!(lines(&file).count(), file.len());
}

#[test]
fn first_match_is_what_port_answers() {
    let services = Services::load(None).unwrap();
    for entry in services.entries() {
        let Some(name) = entry.name.to_str() else {
            continue;
        };
        let first = services
            .entries()
            .find(|other| other.is_called(name.as_bytes()))
            .unwrap();
        assert_eq!(services.port(name, Protocol::Any).unwrap(), first.port);
    }
}
