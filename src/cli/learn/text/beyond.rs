//! The texts of the chapter "Beyond the book".

use std::net::SocketAddr;

use super::Words;

/// The texts of the chapter "Beyond the book".
pub(crate) trait Beyond {
    fn overflow(&self) -> Words;
    fn overflow_buffer(&self, asked: usize, got: &str) -> String;
    fn overflow_counted(&self, sent: usize, arrived: usize, drops: usize) -> String;

    fn mtu(&self) -> Words;
    fn mtu_interface(&self, mtu: usize) -> String;
    fn mtu_refused(&self, bytes: usize, errno: i32) -> String;
    fn mtu_fits(&self, bytes: usize, mtu: usize) -> String;
    fn mtu_fragments(&self, bytes: usize, fragments: usize) -> String;
    /// No network of its own can be made here.
    fn mtu_lacks_namespace(&self, errno: i32) -> String;

    fn broadcast(&self) -> Words;
    fn broadcast_refused(&self, to: SocketAddr, errno: i32) -> String;
    fn broadcast_arrived(&self, to: SocketAddr, receivers: usize) -> String;
    fn multicast_arrived(&self, to: SocketAddr, members: usize, others: usize) -> String;
    fn multicast_lacks(&self, errno: i32) -> String;

    fn batches(&self) -> Words;
    fn batches_sent(&self, datagrams: usize, bytes: usize) -> String;
    fn batches_arrived(&self, datagrams: usize, bytes: usize) -> String;
}
