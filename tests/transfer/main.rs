//! `udpraw send` and `udpraw recv`: real processes on loopback.

#[path = "../common/mod.rs"]
mod common;
mod crypto;
mod ecn;
mod ends;
mod failures;
mod folders;
mod foreign;
mod full;
mod hostile;
mod manifest;
mod migration;
mod nat;
mod observers;
mod outages;
mod relayed;
mod resume;
mod simulator;
mod slow;
mod strangers;
mod tree;
mod whole;

use std::fs;
use std::path::{Path, PathBuf};

use ends::{Recv, Send};
use tempfile::TempDir;

/// Bytes that do not repeat within what is sent in one datagram.
fn stream(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

/// A folder with one file in it.
fn folder_with(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file");
    (folder, path)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
