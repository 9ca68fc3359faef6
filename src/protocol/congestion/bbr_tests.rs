//! BBR with arbitrary events.
