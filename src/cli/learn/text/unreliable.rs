//! The texts of the chapter "What UDP leaves to you".

use std::net::SocketAddr;

use super::Words;

/// The texts of the chapter "What UDP leaves to you".
pub(crate) trait Unreliable {
    fn loss(&self) -> Words;
    fn loss_sent(&self, sent: usize) -> String;
    fn loss_arrived(&self, arrived: usize, sent: usize, lost: u64) -> String;

    fn duplicates(&self) -> Words;
    fn duplicates_arrived(&self, sent: usize, arrived: usize) -> String;
    fn duplicates_executed(&self, account: i64, expected: i64) -> String;

    fn disorder(&self) -> Words;
    fn disorder_orders(&self, sent: &str, arrived: &str) -> String;

    fn corruption(&self) -> Words;
    fn corruption_arrived(&self, sent: &str, arrived: &str) -> String;
    fn corruption_same_sum(&self, first: &str, second: &str, sum: u16) -> String;
    fn corruption_crc(&self, first: u32, second: u32) -> String;

    fn danger(&self) -> Words;
    fn danger_believed(&self, text: &str, forger: SocketAddr, server: SocketAddr) -> String;
    fn danger_connected(&self, server: SocketAddr) -> String;
    fn danger_cured(&self, text: &str) -> String;

    fn ids(&self) -> Words;
    fn ids_late(&self, text: &str) -> String;
    fn ids_matched(&self, id: u32, ignored: usize) -> String;

    fn backoff(&self) -> Words;
    fn backoff_attempt(&self, attempt: u32, waited_ms: u64) -> String;
    fn backoff_gave_up(&self, attempts: u32, total_ms: u64) -> String;

    fn tcp(&self) -> Words;
    fn tcp_one_read(&self, writes: usize, text: &str) -> String;
    fn tcp_udp_beside(&self, sends: usize, receives: usize) -> String;
}
