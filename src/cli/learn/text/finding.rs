//! The texts of the chapter "Finding the way".

use std::net::SocketAddr;

use super::Words;

/// The texts of the chapter "Finding the way".
pub(crate) trait Finding {
    fn machine(&self) -> Words;
    /// A datagram to `to` arrived at the socket there, and only there.
    fn machine_arrived(&self, to: SocketAddr, text: &str) -> String;
    fn machine_same_port(&self, port: u16) -> String;

    fn ports(&self) -> Words;
    fn ports_arrived(&self, port: u16, text: &str) -> String;
    fn ports_only_number_differed(&self, sockets: usize) -> String;

    fn flow(&self) -> Words;
    /// The one socket received a datagram that belongs to this flow.
    fn flow_seen(&self, client: SocketAddr, server: SocketAddr, text: &str) -> String;
    fn flow_one_socket(&self, descriptor: usize, flows: usize) -> String;

    fn sixteen_bits(&self) -> Words;
    fn sixteen_bits_highest(&self, port: u16) -> String;
    fn sixteen_bits_cut(&self, asked: u32, became: u16) -> String;
    fn sixteen_bits_refused(&self, port: u16, errno: i32) -> String;
}
