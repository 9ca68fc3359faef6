//! The texts of the chapter "Ports".

use std::net::SocketAddr;

use super::Words;

/// The texts of the chapter "Ports".
pub(crate) trait Ports {
    fn convention(&self) -> Words;
    /// The services file gives a service this port.
    fn convention_entry(&self, name: &str, port: u16, file: &str) -> String;
    fn convention_ranges(&self, well_known: u16, registered: u16) -> String;
    fn convention_privilege(&self, first_free: u16) -> String;

    fn automatic(&self) -> Words;
    fn automatic_resolver(&self, server: SocketAddr, file: &str) -> String;
    fn automatic_no_resolver(&self, server: SocketAddr, file: &str) -> String;
    fn automatic_endpoint(&self, server: SocketAddr) -> String;
    fn automatic_no_route(&self, server: SocketAddr, errno: i32) -> String;

    fn by_hand(&self) -> Words;
    fn by_hand_agreed(&self, port: u16) -> String;
    fn by_hand_arrived(&self, port: u16, text: &str) -> String;
    fn by_hand_name(&self, name: &str, port: u16) -> String;
}
