//! `udpraw report`.
