//! The two traces of a program made comparable: what differs from run to run is taken out.

/// A line without what differs from run to run: pids, ports, pointers, times; and without the names
/// that stand beside numbers where strace has but the number.
pub(crate) fn normal(line: &str) -> String {
    let line = line
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .trim_start();
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(" /* ") {
        text.push_str(&rest[..at]);
        rest = rest[at..].split_once(" */").map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let mut word = word.to_owned();
        for key in [
            "tv_sec=",
            "tv_usec=",
            "tv_nsec=",
            "htons(",
            "u64=",
            "si_pid=",
            "nl_pid=",
            "nl_pad=0x",
        ] {
            let mut from = 0;
            while let Some(at) = word[from..].find(key).map(|at| at + from + key.len()) {
                let end = word[at..]
                    .find(|c: char| !c.is_ascii_hexdigit())
                    .unwrap_or(word.len() - at);
                // A well-known port is the program's own choice.
                if key != "htons(" || end == 5 {
                    word.replace_range(at..at + end, "N");
                }
                from = at;
            }
        }
        while let Some(at) = word
            .find("0x7f")
            .or_else(|| word.find("0x7e"))
            .or_else(|| word.find("0x55"))
            .or_else(|| word.find("0x56"))
        {
            let end = word[at + 2..]
                .find(|c: char| !c.is_ascii_hexdigit())
                .map_or(word.len(), |end| at + 2 + end);
            word.replace_range(at..end, "POINTER");
        }
        words.push(word);
    }
    words.join(" ")
}

/// The calls of a trace that touch sockets, as we see them: a descriptor is a socket from the call that
/// made it to the one that closed it. Ours has no others; strace's has.
pub(crate) fn about_sockets(trace: &str) -> Vec<String> {
    let mut sockets = std::collections::BTreeSet::new();
    let mut epolls = std::collections::BTreeSet::new();
    let mut found = Vec::new();
    for line in trace.lines().map(normal) {
        let Some((name, rest)) = line.split_once('(') else {
            continue;
        };
        if line.starts_with("---") || line.starts_with("+++") {
            continue;
        }
        let number = |text: &str| {
            text.trim_matches(|c: char| !c.is_ascii_digit())
                .parse::<i64>()
                .ok()
        };
        let first = rest.split([',', ')']).next().and_then(number).unwrap_or(-1);
        let result = line
            .rsplit_once(" = ")
            .and_then(|(_, value)| value.split(' ').next()?.parse::<i64>().ok());
        let good = result.is_some_and(|result| result >= 0);
        let listed = |key: &str| {
            rest.split(key).skip(1).any(|part| {
                let end = part
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(part.len());
                part[..end]
                    .parse()
                    .is_ok_and(|fd: i64| sockets.contains(&fd))
            })
        };
        let is_ours = match name {
            "read" | "write" | "readv" | "writev" | "preadv" | "preadv2" | "pwritev"
            | "pwritev2" | "sendfile" | "close" | "dup" | "fcntl" | "ioctl" => {
                sockets.contains(&first)
            }
            "dup2" | "dup3" => {
                let second = rest.split(", ").nth(1).and_then(number);
                sockets.contains(&first) || second.is_some_and(|fd| sockets.contains(&fd))
            }
            "poll" | "ppoll" => listed("fd="),
            "select" | "pselect6" => rest.split(['[', ']']).any(|list| {
                list.split(' ')
                    .any(|fd| fd.parse().is_ok_and(|fd: i64| sockets.contains(&fd)))
            }),
            "epoll_ctl" => {
                epolls.contains(&first)
                    || rest
                        .split(", ")
                        .nth(2)
                        .and_then(number)
                        .is_some_and(|fd| sockets.contains(&fd))
            }
            "splice" => {
                let third = rest.split(", ").nth(2).and_then(number);
                sockets.contains(&first) || third.is_some_and(|fd| sockets.contains(&fd))
            }
            "epoll_wait" | "epoll_pwait" | "epoll_pwait2" => epolls.contains(&first),
            _ => true,
        };
        if !is_ours {
            continue;
        }
        if good {
            let value = result.unwrap_or(-1);
            match name {
                "socket" | "accept" | "accept4" | "dup" | "dup2" | "dup3" => {
                    sockets.insert(value);
                }
                "fcntl" if rest.contains("F_DUPFD") => {
                    sockets.insert(value);
                }
                "socketpair" => {
                    let pair = rest
                        .split_once('[')
                        .and_then(|(_, pair)| pair.split_once(']'))
                        .expect("a pair")
                        .0;
                    sockets.extend(pair.split(", ").filter_map(number));
                }
                "close" => {
                    sockets.remove(&first);
                }
                "epoll_ctl" => {
                    epolls.insert(first);
                }
                _ => {}
            }
        }
        found.push(line);
    }
    found
}

/// What strace 6.1 leaves as numbers or bytes, and we name: not compared.
pub(crate) fn is_named_by_us(ours: &str) -> bool {
    [
        "UDP_SEGMENT",
        "UDP_GRO",
        "IPV6_PKTINFO, cmsg",
        "IPV6_HOPLIMIT, cmsg",
        "IPV6_TCLASS, cmsg",
        "SO_MEMINFO",
        "SO_COOKIE",
        "TIMEO_OLD",
        "IPV6_RECVERR, cmsg",
        // strace looks into the structure.
        "io_uring_setup",
    ]
    .iter()
    .any(|name| ours.contains(name))
}
