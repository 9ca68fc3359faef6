//! Where a run ran, and what it was.

use serde::{Deserialize, Serialize};

use super::run::Run;

/// The machine that a run ran on, and what it ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Setting {
    /// The id of the run.
    pub run: String,
    /// The command line that repeats it.
    pub command: String,
    /// The name of the machine.
    pub host: String,
    /// The release of its kernel.
    pub kernel: String,
    /// Its number of CPUs.
    pub cpus: u64,
    /// The version of udpraw.
    pub version: String,
    /// The rates, as `--rate` takes them.
    pub plan: String,
    /// Payload of each datagram in bytes.
    pub payload_bytes: u64,
    /// Number of flows.
    pub flows: u64,
    /// Number of threads.
    pub workers: u64,
    /// The I/O backend.
    pub backend: String,
}

impl Setting {
    /// Takes what another one knows and this one does not.
    pub(super) fn complete(&mut self, other: Self) {
        for (mine, its) in [
            (&mut self.run, other.run),
            (&mut self.command, other.command),
            (&mut self.host, other.host),
            (&mut self.kernel, other.kernel),
            (&mut self.version, other.version),
            (&mut self.plan, other.plan),
            (&mut self.backend, other.backend),
        ] {
            if mine.is_empty() {
                *mine = its;
            }
        }
        for (mine, its) in [
            (&mut self.cpus, other.cpus),
            (&mut self.payload_bytes, other.payload_bytes),
            (&mut self.flows, other.flows),
            (&mut self.workers, other.workers),
        ] {
            if *mine == 0 {
                *mine = its;
            }
        }
    }
}

/// A number with its noun.
pub(super) fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The machine of a run in one line.
pub(super) fn machine(run: &Run) -> String {
    machine_of(&run.setting)
}

/// The machine in one line.
pub(super) fn machine_of(setting: &Setting) -> String {
    let mut parts = Vec::new();
    if !setting.host.is_empty() {
        parts.push(setting.host.clone());
    }
    if !setting.kernel.is_empty() {
        parts.push(format!("Linux {}", setting.kernel));
    }
    if setting.cpus > 0 {
        parts.push(format!("{} CPUs", setting.cpus));
    }
    if !setting.version.is_empty() {
        parts.push(format!("udpraw {}", setting.version));
    }
    parts.join(", ")
}
