//! Network namespaces: one of a test's own, or several with links between them.

#![allow(dead_code, unreachable_pub)] // Each test program uses its own part.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, unshare};

use crate::common::{self, Finished, has, skip, wait_until};

/// Moves this thread, and what it will start, to a new network namespace that has loopback alone;
/// skips the test where that cannot be done.
pub fn alone() -> bool {
    if !(has("ip") && without_interfaces()) {
        return false;
    }
    sh("ip link set lo up");
    true
}

/// As [`alone`], with loopback down, so that nothing leaves.
pub fn without_interfaces() -> bool {
    if let Err(errno) = unshare(CloneFlags::CLONE_NEWNET) {
        skip(&format!("no network namespace can be made here: {errno}"));
        return false;
    }
    true
}

/// Runs lines of shell, which must succeed.
pub fn sh(script: &str) {
    let mut command = Command::new("sh");
    command.args(["-ec", script]).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let end = common::run(command);
    assert_eq!(end.code, Some(0), "{script}\n{}{}", end.stdout, end.stderr);
}

/// Waits until a socket of this thread's namespace is bound to UDP `port`.
pub fn await_port(port: u16) {
    let wanted = format!(":{port:04X} ");
    let is_bound = || {
        ["udp", "udp6"].iter().any(|table| {
            let text = fs::read_to_string(format!("/proc/thread-self/net/{table}"));
            let text = text.unwrap_or_default();
            text.lines().any(|line| {
                let local = line.trim_start().split(' ').nth(1).unwrap_or_default();
                format!("{local} ").ends_with(&wanted)
            })
        })
    };
    wait_until(&format!("somebody binds port {port}"), is_bound);
}

/// Named namespaces, removed when the test ends.
pub struct Namespaces(Vec<String>);

static MADE: AtomicU32 = AtomicU32::new(0);

impl Namespaces {
    /// So many of them with loopback up; `None` where they cannot be made.
    pub fn new(number: usize) -> Option<Self> {
        if !(has("ip") && has("nft")) {
            return None;
        }
        let mut made = Self(Vec::new());
        for _ in 0..number {
            let serial = MADE.fetch_add(1, Ordering::Relaxed);
            let name = format!("udpraw-{}-{serial}", std::process::id());
            let mut add = Command::new("ip");
            add.args(["netns", "add", &name]).stdin(Stdio::null());
            let end = common::run({
                add.stdout(Stdio::piped()).stderr(Stdio::piped());
                add
            });
            if end.code != Some(0) {
                skip(&format!(
                    "no network namespace can be made here: {}",
                    end.stderr.trim()
                ));
                return None;
            }
            made.0.push(name);
            made.sh(made.0.len() - 1, "ip link set lo up");
        }
        Some(made)
    }

    /// Three in a row, A, B and C, of which B forwards: 10.9.1.1 and 10.9.1.2 between A and B,
    /// 10.9.2.2 and 10.9.2.1 between B and C; with fd09:1:: and fd09:2:: likewise.
    pub fn row() -> Option<Self> {
        let row = Self::new(3)?;
        for (left, right, net) in [(0, 1, 1), (1, 2, 2)] {
            let there = &row.0[right];
            row.sh(
                left,
                &format!("ip link add right type veth peer name left netns {there}"),
            );
            // The lower number is the end's, the higher the middle's.
            let (here, there) = if net == 1 { (1, 2) } else { (2, 1) };
            for (space, name, host) in [(left, "right", here), (right, "left", there)] {
                row.sh(
                    space,
                    &format!(
                        "ip address add 10.9.{net}.{host}/24 dev {name}
                         ip -6 address add fd09:{net}::{host}/64 dev {name} nodad
                         ip link set {name} up"
                    ),
                );
            }
        }
        row.sh(
            0,
            "ip route add default via 10.9.1.2; ip -6 route add default via fd09:1::2",
        );
        row.sh(
            2,
            "ip route add default via 10.9.2.2; ip -6 route add default via fd09:2::2",
        );
        // Without the limits on ICMP, a test need not be slow.
        row.sh(
            1,
            "echo 1 > /proc/sys/net/ipv4/ip_forward
             echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
        );
        for space in 0..3 {
            row.sh(
                space,
                "echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
                 echo 0 > /proc/sys/net/ipv6/icmp/ratelimit",
            );
        }
        Some(row)
    }

    /// A program in the namespace.
    pub fn command(&self, space: usize, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0[space], program]);
        command.args(arguments).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_remove("UDPRAW_HOST").env_remove("UDPRAW_PORT");
        command
    }

    /// udpraw in the namespace.
    pub fn udpraw(&self, space: usize, arguments: &[&str]) -> Finished {
        common::run(self.command(space, env!("CARGO_BIN_EXE_udpraw"), arguments))
    }

    /// Runs lines of shell in the namespace, which must succeed.
    pub fn sh(&self, space: usize, script: &str) {
        let end = common::run(self.command(space, "sh", &["-ec", script]));
        assert_eq!(end.code, Some(0), "{script}\n{}{}", end.stdout, end.stderr);
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.0 {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}
