//! Which language is spoken, and that Chinese is Chinese.

use crate::common::run;
use crate::{finish, learn};

/// A line without what is the same in every language: calls, addresses, quoted data, commands.
fn words(line: &str) -> String {
    let mut plain = String::new();
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (None, '“') => quote = Some('”'),
            (None, '"') => quote = Some('"'),
            (Some(end), letter) if letter == end => quote = None,
            (None, letter) => plain.push(letter),
            (Some(_), _) => {}
        }
    }
    plain
}

/// Four English words in a row.
fn english_run(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let is_word = |word: &&str| {
        let word = word.trim_matches(|c: char| c.is_ascii_punctuation());
        word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase())
    };
    let mut runs = words.windows(4).filter(|run| run.iter().all(is_word));
    runs.next().map(|run| run.join(" "))
}

/// Notation: a call, a command, or what to read.
fn is_notation(line: &str) -> bool {
    let line = line.trim_start();
    let is_call = line
        .split_once(" │ ")
        .is_some_and(|(who, _)| !who.trim().is_empty());
    is_call || line.starts_with('$') || line.contains("RFC ") || line.contains("(2)")
}

#[test]
fn the_chinese_course_has_no_english_sentences() {
    for arguments in [&["all"][..], &[]] {
        let arguments: Vec<&str> = [arguments, &["--lang", "zh"]].concat();
        let finished = finish(&arguments);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let text = format!("{}{}", finished.stdout, finished.stderr);
        for line in text.lines().filter(|line| !is_notation(line)) {
            assert_eq!(english_run(&words(line)), None, "{line}");
        }
    }
    // The detector detects.
    let english = finish(&["--lang", "en"]).stdout;
    assert!(
        english
            .lines()
            .any(|line| english_run(&words(line)).is_some())
    );
}

#[test]
fn the_field_terms_are_those_of_chinese_textbooks() {
    let text = finish(&["all", "--lang", "zh"]).stdout;
    let text: String = text
        .split_whitespace()
        .map(|word| word.trim_matches('│'))
        .collect();
    for term in [
        "数据报",
        "套接字",
        "多路复用",
        "端口",
        "丢包",
        "重复",
        "乱序",
        "校验和",
        "路径MTU",
    ] {
        assert!(text.contains(term), "{term}");
    }
}

#[test]
fn the_environment_chooses_and_an_unknown_language_is_told_once() {
    let state = tempfile::tempdir().expect("a folder");
    let with = |name: &str, value: &str| {
        let mut command = learn(state.path(), &[]);
        command.env(name, value);
        run(command)
    };
    assert!(with("LANG", "zh_CN.UTF-8").stdout.contains("套接字"));
    assert!(with("LANG", "en_GB.UTF-8").stdout.contains("The socket"));
    assert!(with("LC_ALL", "C").stdout.contains("The socket"));
    let first = with("LANG", "fr_FR.UTF-8");
    assert!(first.stdout.contains("The socket"));
    assert!(
        first.stderr.contains("fr_FR.UTF-8") && first.stderr.lines().count() == 1,
        "{}",
        first.stderr
    );
    assert_eq!(with("LANG", "fr_FR.UTF-8").stderr, "");
}

#[test]
fn a_wrong_language_or_lesson_is_answered_with_the_known() {
    let finished = finish(&["--lang", "tlh"]);
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("en") && finished.stderr.contains("zh"),
        "{}",
        finished.stderr
    );
    let finished = finish(&["algebra"]);
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("the lessons are: machine, ports"),
        "{}",
        finished.stderr
    );
}

/// Runs another command than `learn` with Chinese explanations.
fn in_chinese(arguments: &[&str]) -> String {
    let mut command = crate::common::udpraw(arguments);
    command.env("LC_ALL", "zh_CN.UTF-8");
    let finished = run(command);
    format!("{}{}", finished.stdout, finished.stderr)
}

#[test]
fn the_other_tools_explain_in_chinese_and_keep_notation_and_json() {
    let closed = crate::common::closed_port();
    let program = env!("CARGO_BIN_EXE_udpraw");
    for (arguments, wanted) in [
        (&["tour"][..], "接下来可以试试"),
        (&["tour", "syscalls"], "逐个调用地看"),
        (&["probe", "127.0.0.1", &closed], "关闭："),
        (
            &["options", "SO_RCVBUF"],
            "等待接收的数据报最多可占多少内核内存",
        ),
        (&["options"], "让内核记录调试信息"),
    ] {
        let text = in_chinese(arguments);
        assert!(text.contains(wanted), "{arguments:?}: {text}");
    }
    let traced = in_chinese(&[
        "trace",
        "--explain",
        "--",
        program,
        "client",
        "127.0.0.1",
        &closed,
    ]);
    if !traced.contains("ptrace") {
        assert!(
            traced.contains("个数据报：收到") && traced.contains("sendto(3, "),
            "{traced}"
        );
        assert!(traced.contains("错误队列里有一个错误"), "{traced}");
        let explained = traced.lines().filter(|line| line.starts_with("    "));
        for line in explained.filter(|line| !line.contains("Python: ")) {
            assert_eq!(english_run(&words(line)), None, "{line}");
        }
    }
    for arguments in [
        &["tour", "--list", "--json"][..],
        &["options", "SO_RCVBUF", "--json"],
    ] {
        assert!(in_chinese(arguments).is_ascii(), "{arguments:?}");
    }
}

#[test]
fn ports_says_in_chinese_which_socket_gets_a_datagram() {
    let sockets: Vec<_> = (0..2)
        .map(|_| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None);
            let socket = socket.expect("a socket");
            socket.set_reuse_port(true).expect("an option");
            socket
        })
        .collect();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().expect("an address");
    sockets[0].bind(&any.into()).expect("bound");
    let address = sockets[0].local_addr().expect("an address");
    sockets[1].bind(&address).expect("bound");
    let port = address.as_socket().expect("IPv4").port().to_string();
    let text = in_chinese(&["ports", &port]);
    assert!(
        text.contains("谁收到数据报") && text.contains("按流的散列值"),
        "{text}"
    );
}
