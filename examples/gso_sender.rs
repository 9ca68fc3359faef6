//! Sends the same datagrams over each backend, and compares the system calls that it takes.
//!
//! ```sh
//! cargo run --no-default-features --example gso_sender -- [DESTINATION [COUNT [SIZE]]]
//! ```
//!
//! COUNT datagrams (default 1,000) of SIZE bytes (default 1,200) go to DESTINATION (default
//! 127.0.0.1:1060) three times: one per call (`sendto`), in batches (`sendmmsg`), and as runs that the
//! kernel or the network card segments (`UDP_SEGMENT`, generic segmentation offload). Start
//! `gro_receiver` first to see the runs arrive; with nobody there, the datagrams are lost.
//!
//! What to look at:
//! - `udpraw trace target/debug/examples/gso_sender 127.0.0.1:1060 100`: the last `sendmmsg` has the
//!   control message `UDP_SEGMENT`, and messages of up to 65,507 bytes. (`strace` shows it as 0x67.)
//! - `udpraw bench` measures the rates and the losses of each backend.
//!
//! Man pages: udp(7), sendmmsg(2), cmsg(3).

use std::env;
use std::error::Error;

use udpraw::io::{Backend, BackendChoice, Transmit, Transport, TransportConfig};
use udpraw::socket::{Endpoint, Family};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let destination = arguments.next().unwrap_or("127.0.0.1:1060".into());
    let destination = destination.parse()?;
    let count: usize = arguments.next().map_or(Ok(1_000), |it| it.parse())?;
    let size: usize = arguments.next().map_or(Ok(1_200), |it| it.parse())?;

    // All datagrams, end to end in one buffer.
    let contents = vec![b'.'; count * size];
    println!("backend  datagrams  calls  datagrams per call");
    for backend in [Backend::Single, Backend::Batch, Backend::Offload] {
        let socket = Endpoint::builder().unbound(Family::of(destination))?;
        let choice = BackendChoice::Only(backend);
        let mut transport = Transport::open(socket, choice, TransportConfig::bulk())?;

        // `segment_size` says where to cut. The transport knows how many segments a run may have, and
        // sends single datagrams where the device refuses a run.
        let transmit = Transmit::new(&contents)
            .to(destination)
            .in_segments_of(size);
        transport.send_queue().send(&transmit);
        transport.flush().into_result()?;

        let counters = transport.counters();
        let per_call = counters.sent as f64 / counters.syscalls.max(1) as f64;
        let (sent, calls) = (counters.sent, counters.syscalls);
        println!("{backend:7}  {sent:9}  {calls:5}  {per_call:18.1}");
        if counters.offload_fallbacks > 0 {
            println!("the device refused runs: sent as single datagrams");
        }
    }
    Ok(())
}
