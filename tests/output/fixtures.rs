//! A sender with socket options, and a server that shows what arrives.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use serde_json::Value;
use udpraw::socket::options::OptionValue;

use crate::common::{Finished, PATIENCE, Running, client_of, json_lines, listening, udpraw};

pub(crate) const HOSTS: [&str; 2] = ["127.0.0.1", "::1"];

/// Sets an option that is written `NAME=VALUE`.
pub(crate) fn set(socket: &UdpSocket, option: &str) {
    let value: OptionValue = option.parse().expect("an option");
    value
        .apply(socket.as_fd())
        .unwrap_or_else(|error| panic!("{option}: {error}"));
}

/// What the server says about one datagram.
pub(crate) struct Shown {
    /// The line of `server -v` that begins with `from`.
    pub(crate) text: String,
    /// The `received` record of `server --json`.
    pub(crate) json: Value,
    pub(crate) server: SocketAddr,
}

impl Shown {
    pub(crate) fn control(&self, field: &str) -> &Value {
        &self.json["control"][field]
    }

    pub(crate) fn has(&self, text: &str) {
        assert!(self.text.contains(text), "no {text:?} in {:?}", self.text);
    }
}

fn server(host: &str, options: &[&str], more: &[&str]) -> Running {
    let mut arguments = vec!["server", "--host", host, "-p", "0", "--count", "1"];
    arguments.extend(options.iter().flat_map(|option| ["-O", option]));
    arguments.extend(more);
    Running::start(udpraw(arguments))
}

/// The server's address, of its first record.
pub(crate) fn listening_at(record: &str) -> SocketAddr {
    let at = &json_lines(record)[0]["local"];
    let host = at["address"].as_str().expect("an address");
    let port = at["port"].as_u64().expect("a port") as u16;
    SocketAddr::new(host.parse().expect("an address"), port)
}

/// Sends one datagram of `length` bytes with `sending` options to a server with `receiving` options,
/// once for the text and once for JSON.
pub(crate) fn show(host: &str, receiving: &[&str], sending: &[&str], length: usize) -> Shown {
    show_with(host, receiving, sending, length, &[])
}

/// As [`show`], with more arguments of the server.
pub(crate) fn show_with(
    host: &str,
    receiving: &[&str],
    sending: &[&str],
    length: usize,
    more: &[&str],
) -> Shown {
    let send = |server: SocketAddr| {
        let socket = client_of(server);
        sending.iter().for_each(|option| set(&socket, option));
        socket.send(&vec![b'x'; length]).expect("sent");
        socket
    };
    let mut verbose = server(host, receiving, &[&["-v"], more].concat());
    let _sender = send(listening(&verbose.line()));
    let Finished { stderr, .. } = verbose.finish();
    let text = stderr.lines().find(|line| line.starts_with("from "));
    let text = text.unwrap_or_default().to_owned();
    let mut json = server(host, receiving, &[&["--json"], more].concat());
    let server = listening_at(&json.line());
    let _sender = send(server);
    let records = json_lines(&json.finish().stdout);
    let received = records.iter().find(|record| record["event"] == "received");
    let json = received.expect("a received record").clone();
    Shown { text, json, server }
}

/// A socket of the test's own that answers one request with `options` set.
pub(crate) fn answering(host: &str, options: &[&str]) -> (SocketAddr, std::thread::JoinHandle<()>) {
    let socket = UdpSocket::bind((host, 0)).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    options.iter().for_each(|option| set(&socket, option));
    let address = socket.local_addr().expect("an address");
    let answer = std::thread::spawn(move || {
        let (_, client) = socket.recv_from(&mut [0; 100]).expect("a request");
        socket.send_to(b"here", client).expect("sent");
    });
    (address, answer)
}
