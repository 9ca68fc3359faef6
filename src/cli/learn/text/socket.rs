//! The texts of the chapter "The socket".

use std::net::SocketAddr;

use super::Words;

/// The texts of the chapter "The socket".
pub(crate) trait Socket {
    fn socket(&self) -> Words;
    fn socket_number(&self, descriptor: usize) -> String;
    fn socket_again(&self, closed: usize, next: usize) -> String;
    fn socket_kind(&self, family: &str, kind: &str, protocol: &str) -> String;
    fn socket_endpoint(&self, address: SocketAddr) -> String;

    fn bind(&self) -> Words;
    fn bind_done(&self, address: SocketAddr) -> String;
    fn bind_taken(&self, address: SocketAddr, errno: i32) -> String;
    /// Who holds the port: a process with that id, by that descriptor.
    fn bind_holder(&self, port: u16, pid: u32, descriptor: u32) -> String;
    fn bind_other_host(&self, address: SocketAddr) -> String;

    fn waiting(&self) -> Words;
    /// The state that /proc shows for the process.
    fn waiting_asleep(&self, state: char) -> String;
    fn waiting_woken(&self, millis: u64) -> String;

    fn sendto(&self) -> Words;
    fn sendto_both(&self, bytes: usize, to: SocketAddr) -> String;
    fn recvfrom_both(&self, bytes: usize, from: SocketAddr) -> String;
    fn sendto_nowhere(&self, errno: i32) -> String;

    fn own_port(&self) -> Words;
    fn own_port_before(&self) -> String;
    fn own_port_picked(&self, port: u16, low: u16, high: u16) -> String;
    fn own_port_unspecified(&self, address: SocketAddr) -> String;
    fn own_port_routed(&self, address: SocketAddr) -> String;

    fn text(&self) -> Words;
    fn text_ascii(&self, characters: usize, bytes: usize) -> String;
    fn text_utf8(&self, text: &str, characters: usize, bytes: usize) -> String;
    fn text_crashed(&self, byte: u8, position: usize) -> String;
    fn text_refused(&self, errno: i32) -> String;

    fn size(&self) -> Words;
    fn size_refused(&self, bytes: usize, errno: i32) -> String;
    fn size_largest(&self, bytes: usize, asked: usize) -> String;
    fn size_headers(&self) -> String;
    fn size_truncated(&self, bytes: usize, sent: usize) -> String;
}
