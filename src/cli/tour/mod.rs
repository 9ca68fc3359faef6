//! The lessons of `udpraw tour`, one file each.
