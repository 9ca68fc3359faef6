//! The textbook's transcript: what its server and client print, byte for byte.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::Output;
use super::python::{Repr, Seconds, Tuple};

impl Output {
    pub(crate) fn listening(&mut self, address: SocketAddr) -> io::Result<()> {
        self.line(format_args!("Listening at {}", Tuple(address)))
    }

    pub(crate) fn client_says(&mut self, client: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.line(format_args!(
            "The client at {} says {}",
            Tuple(client),
            Repr(bytes)
        ))
    }

    pub(crate) fn pretending_to_drop(&mut self, client: SocketAddr) -> io::Result<()> {
        self.line(format_args!(
            "Pretending to drop packet from {}",
            Tuple(client)
        ))
    }

    pub(crate) fn assigned_address(&mut self, address: SocketAddr) -> io::Result<()> {
        self.line(format_args!(
            "The OS assigned me the address {}",
            Tuple(address)
        ))
    }

    pub(crate) fn socket_name(&mut self, address: SocketAddr) -> io::Result<()> {
        self.line(format_args!("Client socket name is {}", Tuple(address)))
    }

    pub(crate) fn server_replied(&mut self, server: SocketAddr, text: &[u8]) -> io::Result<()> {
        let (server, text) = (Tuple(server), Repr(text));
        self.line(format_args!("The server {server} replied {text}"))
    }

    pub(crate) fn waiting(&mut self, wait: Duration) {
        // The book's waits are multiples of 0.1 s; a measured one is printed to the millisecond.
        let millis = wait.as_micros().div_ceil(1000);
        let wait = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
        self.talk(format_args!(
            "Waiting up to {} seconds for a reply",
            Seconds(wait)
        ));
    }

    pub(crate) fn gave_up(&mut self) {
        self.talk("I think the server is down");
    }
}
