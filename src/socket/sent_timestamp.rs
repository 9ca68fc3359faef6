//! When datagrams were sent: timestamps of the kernel and the interface, from the error queue.

use super::control_message::{ControlMessage, Timestamps};
use super::error_queue::{Origin, QueuedError};
use super::received::Received;

/// The timestamp of a message that was sent earlier (`SO_TIMESTAMPING`; the kernel's
/// Documentation/networking/timestamping.rst).
///
/// It waits on the error queue; [`Endpoint::queued_error`](super::Endpoint::queued_error) returns
/// it.
///
/// ```
/// use std::time::Duration;
/// use udpraw::io::{BackendChoice, Transmit, Transport, TransportConfig};
/// use udpraw::socket::option::{self, Timestamping};
/// use udpraw::socket::{Endpoint, ReceiveBuffer};
///
/// let wanted = Timestamping::TX_SOFTWARE
///     | Timestamping::SOFTWARE
///     | Timestamping::OPT_ID
///     | Timestamping::OPT_TSONLY;
/// let endpoint = Endpoint::builder()
///     .option(option::SO_TIMESTAMPING, wanted)
///     .bind("127.0.0.1:0".parse()?)?;
/// let to = endpoint.local_address()?;
/// let mut transport = Transport::open(endpoint, BackendChoice::Auto, TransportConfig::default())?;
///
/// let id = transport.counters().sent_messages as u32; // of the next message
/// transport.send_queue().send(&Transmit::new(b"when?").to(to));
/// transport.flush().into_result()?;
///
/// let mut buffer = ReceiveBuffer::new();
/// let entry = loop {
///     if let Some(entry) = transport.endpoint().queued_error(&mut buffer)? {
///         break entry;
///     }
/// };
/// let sent = entry.sent_timestamp.expect("a timestamp");
/// assert_eq!(sent.id, id);
/// assert!(sent.times.software.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentTimestamp {
    /// The number of the message on the socket, from 0, if `OPT_ID` was set; otherwise 0. A run of
    /// datagrams is one message. A transport that is the only sender counts the same
    /// ([`Counters::sent_messages`](crate::io::Counters::sent_messages)).
    pub id: u32,
    /// The point at which the time was taken.
    pub stage: SendStage,
    /// The time, by each requested clock.
    pub times: Timestamps,
}

/// The point at which a timestamp of a sent message was taken (`SCM_TSTAMP_…` of linux/errqueue.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendStage {
    /// It entered the packet scheduler (`TX_SCHED`).
    Scheduled,
    /// It was passed to the network interface, or left it (`TX_SOFTWARE`, `TX_HARDWARE`).
    Sent,
    /// The interface reported that it has sent it (`TX_COMPLETION`, Linux 6.15).
    Completed,
}

impl SentTimestamp {
    /// The timestamp in an entry of the error queue, if any.
    pub(super) fn read(entry: &QueuedError, id: u32, received: &Received<'_>) -> Option<Self> {
        const TIMESTAMPING: Origin = Origin::Other(4);
        if entry.origin != TIMESTAMPING {
            return None;
        }
        let stage = match entry.info {
            0 => SendStage::Sent,
            1 => SendStage::Scheduled,
            3 => SendStage::Completed,
            // 2 is only for TCP.
            _ => return None,
        };
        let times = received.control_messages().iter().find_map(|message| {
            if let ControlMessage::Timestamping(times) = message {
                Some(times)
            } else {
                None
            }
        })?;
        Some(Self { id, stage, times })
    }
}
