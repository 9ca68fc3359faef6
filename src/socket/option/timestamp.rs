//! `SOL_SOCKET`: when datagrams were received and sent, and when they are to leave.

use super::{ReadWrite, Timestamping, TransmitTime, typed};
use crate::socket::options::TIMESTAMP;

typed! { TIMESTAMP;
    /// Reports with each datagram when the kernel received it, in microseconds (socket(7)).
    SO_TIMESTAMP: bool, ReadWrite;
    /// Reports with each datagram when the kernel received it, in nanoseconds (socket(7)).
    SO_TIMESTAMPNS: bool, ReadWrite;
    /// Reports when datagrams were received and sent, by the kernel's or the interface's clock
    /// (docs.kernel.org/networking/timestamping).
    SO_TIMESTAMPING: Timestamping, ReadWrite;
    /// Lets a control message with each datagram say when it is to leave (tc-etf(8)). Needs
    /// `CAP_NET_ADMIN`, except for the monotonic clock.
    SO_TXTIME: TransmitTime, ReadWrite;
}
