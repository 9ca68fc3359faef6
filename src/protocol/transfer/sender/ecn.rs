//! Whether the path keeps ECN marks (RFC 9000 section 13.4.2).

/// What the sender knows of ECN on the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct EcnState {
    /// Datagrams are sent with ECT(0).
    is_on: bool,
    /// Datagrams with lower numbers were sent with ECT(0).
    marked_until: u64,
    /// The receiver's counts: ECT(0) and CE.
    ect0: u64,
    ce: u64,
}

impl EcnState {
    pub(super) fn new(is_on: bool) -> Self {
        Self {
            is_on,
            marked_until: 0,
            ect0: 0,
            ce: 0,
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    pub(super) fn marks(&self) -> u64 {
        self.ce
    }

    /// The path loses or changes marks, or this end cannot set them.
    pub(super) fn disable(&mut self) {
        self.is_on = false;
    }

    /// All datagrams below `next` were sent.
    pub(super) fn on_sent(&mut self, next: u64) {
        if self.is_on {
            self.marked_until = next;
        }
    }

    /// An acknowledgement of `packets` new datagrams, newer than those before, with these counts;
    /// returns whether a router has marked any.
    pub(super) fn on_counts(&mut self, packets: u64, ect0: u64, ce: u64) -> bool {
        if !self.is_on {
            return false;
        }
        let before = self.ect0.saturating_add(self.ce);
        let total = ect0.saturating_add(ce);
        let is_valid = ect0 >= self.ect0
            && ce >= self.ce
            && total.saturating_sub(before) >= packets
            && total <= self.marked_until;
        if !is_valid {
            self.disable();
            return false;
        }
        let is_marked = ce > self.ce;
        (self.ect0, self.ce) = (ect0, ce);
        is_marked
    }
}
