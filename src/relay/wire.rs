//! One transport for the sockets of all flows.

use super::flows::Flows;
use crate::error::Error;
use crate::io::Transport;

/// The most failures that are kept for reporting; more in one turn of the loop are only counted.
const FAILURES: usize = 64;

/// Sends and receives for every flow, so that a flow costs a socket and no buffers.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) transport: Transport,
    /// The flow whose socket the transport has; the flow has the spare one then.
    loaded: Option<u32>,
    pub(super) failures: Vec<(u32, Error)>,
    /// How often the network refused a datagram.
    pub(super) unreachable: u64,
}

impl Wire {
    pub(super) fn new(transport: Transport) -> Self {
        Self {
            transport,
            loaded: None,
            failures: Vec::new(),
            unreachable: 0,
        }
    }

    /// Puts a flow's socket into the transport; returns whether there is such a flow.
    pub(super) fn load(&mut self, flows: &mut Flows, number: u32) -> bool {
        if self.loaded == Some(number) {
            return true;
        }
        self.unload(flows);
        let Some(flow) = flows.get_mut(number) else {
            return false;
        };
        if let Err(error) = self.transport.swap_socket(&mut flow.endpoint) {
            self.failed(number, error);
            return false;
        }
        self.loaded = Some(number);
        true
    }

    /// Returns the socket to its flow, once everything has been sent over it.
    pub(super) fn unload(&mut self, flows: &mut Flows) {
        self.flush();
        if let Some(number) = self.loaded.take()
            && let Some(flow) = flows.get_mut(number)
            && let Err(error) = self.transport.swap_socket(&mut flow.endpoint)
        {
            self.failed(number, error);
        }
    }

    pub(super) fn flush(&mut self) {
        if let Some(error) = self.transport.flush().error
            && let Some(number) = self.loaded
        {
            self.failed(number, error);
        }
    }

    #[cold]
    pub(super) fn failed(&mut self, number: u32, error: Error) {
        self.unreachable += u64::from(error.is_about_the_network());
        if self.failures.len() < FAILURES {
            self.failures.push((number, error));
        }
    }
}
