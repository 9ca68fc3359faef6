//! The plain loop through the library, to count its instructions under callgrind.
//!
//! `instructions COUNT SIZE` makes COUNT rounds on loopback: a send, a receive and a reply, a receive.
//! It is what `plain loop COUNT SIZE` of benches/peers/plain.c does; `scripts/measure` compares them.

use udpraw::error::{Error, Result};
use udpraw::socket::{Endpoint, Family, ReceiveBuffer};

fn rounds(count: u64, size: usize) -> Result<()> {
    let address = "127.0.0.1:0"
        .parse()
        .map_err(|_| Error::invalid("read", "127.0.0.1:0", ""))?;
    let server = Endpoint::builder().bind(address)?;
    let there = server.local_address()?;
    let client = Endpoint::builder().unbound(Family::V4)?;
    let payload = vec![0; size];
    let mut buffer = ReceiveBuffer::new();
    for _ in 0..count {
        client.send_to(&payload, there)?;
        let request = server.receive(&mut buffer)?;
        server.reply(&request, request.bytes())?;
        client.receive(&mut buffer)?;
    }
    Ok(())
}

fn main() -> Result<()> {
    // `cargo test --benches` and `cargo bench` pass flags of their own: then a few rounds are enough.
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|word| word.parse().ok());
    let count = numbers.next().unwrap_or(100);
    rounds(count, numbers.next().unwrap_or(64) as usize)
}
