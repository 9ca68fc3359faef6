//! The multicast options of RFC 3678, the same for IPv4 and IPv6.

use super::{Scoped, SourceMembership, WriteOnly, typed};
use crate::socket::options::MULTICAST;

typed! { MULTICAST;
    /// Joins a group on an interface, whatever the family (RFC 3678).
    MCAST_JOIN_GROUP: Scoped, WriteOnly;
    /// Leaves a group, whatever the family (RFC 3678).
    MCAST_LEAVE_GROUP: Scoped, WriteOnly;
    /// Joins a group for the datagrams of one source only (RFC 3678).
    MCAST_JOIN_SOURCE_GROUP: SourceMembership, WriteOnly;
    /// Leaves one source of a group (RFC 3678).
    MCAST_LEAVE_SOURCE_GROUP: SourceMembership, WriteOnly;
    /// Receives nothing more from one source of a group that was joined (RFC 3678).
    MCAST_BLOCK_SOURCE: SourceMembership, WriteOnly;
    /// Undoes `MCAST_BLOCK_SOURCE` (RFC 3678).
    MCAST_UNBLOCK_SOURCE: SourceMembership, WriteOnly;
}
